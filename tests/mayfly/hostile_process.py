"""Runs the client in a process of its own for each case that it reads, in whatever state the case names.

A process is forked for each, so that a case costs milliseconds. Reads a JSON document a line, and answers one:
the exit code, what was printed, and the requests as `[url, authorization]`.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, TextIO

import httpx2 as httpx
import typer.main

import mayfly.app
import mayfly.client
import mayfly.log
import mayfly.retry
import mayfly.session
import mayfly.terminal
from functions.api.caller import Auth
from mayfly import entry_point
from mayfly.http_client import _CERTIFICATES, _tls_context
from tests.mayfly.fake_stack import BUCKET, POOL, URL, FakeStack
from tests.stack.memory_stack import gateway
from tests.stack.user_pool import UserPool

CASE_SECONDS = 120
UNCAUGHT = 99
FLUSH_FAILED = 120  # the interpreter's own, where it cannot flush in the end


def answer_as(stack: FakeStack, odd: dict[str, Any] | None) -> None:
    """Sends every request to the stack, or has those whose path ends as `odd` names answered otherwise."""

    def handle(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        request.read()
        if odd is not None and request.url.path.endswith(odd["at"]):
            stack.requests.append(request)
            return httpx.Response(odd["status"], content=odd["body"].encode("utf-8", "surrogatepass"))
        if not str(request.url).startswith((URL, BUCKET, POOL)):
            stack.requests.append(request)
            raise httpx.ConnectError("no route", request=request)
        return stack.answer(request)

    httpx.HTTPTransport.handle_request = handle  # type: ignore[assignment,method-assign]  # the network's place


def opened(number: int, how: str, path: Path, encoding: str) -> TextIO | None:
    """A standard stream as the interpreter makes it from a descriptor in that state."""
    if how == "closed":
        os.close(number)
        return None
    if how == "full":
        found = os.open("/dev/full", os.O_WRONLY)
    elif how == "gone":
        reader, found = os.pipe()
        os.close(reader)
    else:
        found = os.open(path, os.O_RDWR | os.O_CREAT)
    os.dup2(found, number)
    os.close(found)
    raw = io.FileIO(number, "r" if number == 0 else "w", closefd=False)
    buffer = io.BufferedReader(raw) if number == 0 else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding, "strict", line_buffering=number == 2)


def run_case(case: dict[str, Any], folder: Path) -> int:
    os.chdir(case["folder"])
    os.environ.clear()
    os.environ.update(case["environ"])
    if set(_CERTIFICATES) & case["environ"].keys():
        _tls_context.cache_clear()
    stack = FakeStack(UserPool(valid={"the-token"}) if case["auth"] == "cognito" else None)
    for status in ("succeeded", "failed"):
        job = stack.add(status, case["filename"].encode("utf-8", "replace").decode(), "all")
        job.print(*case["log"])
    stack.add_verified()
    answer_as(stack, case["odd"])
    (folder / "0").write_bytes(b"of alice")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = opened(number, case[name], folder / str(number), case["encoding"])
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["mayfly", *case["words"]]
    try:
        entry_point.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - what the interpreter would print
        (folder / "traceback").write_text(traceback.format_exc())
        code = UNCAUGHT
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = FLUSH_FAILED
    sent = [[str(each.url), each.headers.get("authorization")] for each in stack.requests]
    (folder / "requests").write_text(json.dumps(sent))
    return code


def answer(line: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        child = os.fork()
        if child == 0:
            signal.alarm(CASE_SECONDS)
            os._exit(run_case(json.loads(line), folder))
        _, status = os.waitpid(child, 0)
        read = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {
        "code": os.waitstatus_to_exitcode(status),
        "stdout": read.get("1", b"").decode("latin-1"),
        "stderr": read.get("2", b"").decode("latin-1"),
        "traceback": read.get("traceback", b"").decode(),
        "requests": json.loads(read.get("requests", b"[]")),
    }


def serve() -> None:
    group: Any = typer.main.get_command(mayfly.app.app)
    for name in group.list_commands(None):  # before the forks, each of which would import it
        group.get_command(None, name)
    mayfly.retry.FIRST_PAUSE_SECONDS = mayfly.client.FIRST_POLL_SECONDS = mayfly.log.POLL_SECONDS = 0
    mayfly.session.SIGN_IN_SECONDS = 0.01
    for auth in Auth:
        gateway(auth)  # which each fork would make, too
    _tls_context(trust_env=True)  # as above: this computer's certificates
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
