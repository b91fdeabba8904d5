"""A function as Lambda runs it: its bundle under awslambdaric, AWS's own runtime client, and nothing else to import.

The runtime API (Lambda developer guide, "Using the Lambda runtime API for custom runtimes") is stood in for by a server
on loopback.
The same server is the endpoint of every AWS service to the function, and denies each call: so a handler gets through
its imports, settings and clients, and says what it says of an error. On Linux alone, as awslambdaric is.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

from infra.bundle import BUILD, ROOT
from infra.bundling.dependencies import install
from infra.bundling.target import Target

_CLIENT = ("awslambdaric", "simplejson")
REQUEST_ID = "0c7d5a3e-8f0e-4b7c-9d51-3f0a5b8c1e27"
_API = "/2018-06-01/runtime/"
_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:mayfly-function"
# The folders come first, as /var/task and the runtime's own come before the standard library's packages.
_START = """
import runpy, sys
folders = int(sys.argv[1])
sys.path[:0] = sys.argv[2:2 + folders]
sys.argv[1:] = sys.argv[2 + folders:]
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""
_AWS = {
    "AWS_ACCESS_KEY_ID": "function",
    "AWS_SECRET_ACCESS_KEY": "function",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "mayfly-function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
}
_DENIED = json.dumps({"__type": "AccessDeniedException", "message": "denied here"}).encode()


def runtime_client(target: Target) -> Path:
    """A folder with awslambdaric for the target, in the version that requirements-dev.txt locks."""
    lock = BUILD / "runtime-client" / "requirements.txt"
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    locked = "\n".join(line for line in lines if re.match(rf"({'|'.join(_CLIENT)})==", line)) + "\n"
    if not lock.exists() or lock.read_text(encoding="utf-8") != locked:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text(locked, encoding="utf-8")
    return install(lock, target, BUILD / "dependencies")


@dataclass(frozen=True)
class Answer:
    """What the function answered an event, `error` being what Lambda makes of an exception; CPU seconds until then."""

    payload: Any
    is_error: bool
    cpu_seconds: float


class FunctionFailedError(RuntimeError):
    """The function did not get as far as to take an event, or ended before it answered; the text is its log."""


class LambdaFunction:
    """A context manager: a process of the function, which waits for events."""

    init_cpu_seconds: float  # what its start took

    def __init__(
        self, handler: str, folders: Sequence[Path], environment: Mapping[str, str], log: Path, *, python: str
    ) -> None:
        self._command = [python, "-I", "-S", "-B", "-c", _START, str(len(folders)), *map(str, folders), handler]
        self._environment, self.log = environment, log
        self._events: queue.Queue[bytes | None] = queue.Queue()
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._is_waiting = threading.Event()
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{self._server.server_port}"
        environment = {
            "PATH": os.environ["PATH"],
            **self._environment,
            **_AWS,
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_ENDPOINT_URL": f"http://{address}",
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=self.log.parent
            )
        try:
            self._until(self._is_waiting.wait)
        except FunctionFailedError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: object) -> Answer:
        self._events.put(json.dumps(event).encode())
        found: list[Answer] = []

        def answered(timeout: float) -> bool:
            try:
                found.append(self._answers.get(timeout=timeout))
            except queue.Empty:
                return False
            return True

        self._until(answered)
        return found[0]

    def log_lines(self) -> list[dict[str, Any]]:
        """The lines of JSON, in order."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _until(self, happened: Any) -> None:
        for _ in range(600):
            if happened(0.2):
                return
            if self._process.poll() is not None:
                break
        raise FunctionFailedError(self.log.read_text(encoding="utf-8", errors="replace"))

    def _cpu_seconds(self) -> float:
        """Of the process and all of its threads (proc(5), /proc/pid/schedstat: nanoseconds on the processor first)."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads) / 1e9

    def next_event(self) -> bytes | None:
        """None when there will be no more."""
        if not self._is_waiting.is_set():
            self.init_cpu_seconds = self._cpu_seconds()
            self._is_waiting.set()
        return self._events.get()

    def take(self, payload: bytes, *, is_error: bool) -> None:
        self._answers.put(Answer(json.loads(payload), is_error, self._cpu_seconds()))


class _Server(ThreadingHTTPServer):
    def __init__(self, function: LambdaFunction) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.function = function

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that is killed breaks its connections off."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path != f"{_API}invocation/next":
            self._answer(403, _DENIED)
            return
        event = self._function.next_event()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
            "Lambda-Runtime-Deadline-Ms": "9999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": _ARN,
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.startswith(_API):
            self._answer(403, _DENIED)
            return
        if self.path.startswith(f"{_API}invocation/"):
            self._function.take(body, is_error=self.path.endswith("/error"))
        self._answer(202, b'{"status":"OK"}')

    @property
    def _function(self) -> LambdaFunction:
        return cast("_Server", self.server).function

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        content = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**content, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def host_function(handler: str, folders: Sequence[Path], environment: Mapping[str, str], log: Path) -> LambdaFunction:
    """One that runs under this Python, out of bundles built for it."""
    client = runtime_client(Target("", "", host=True))
    return LambdaFunction(handler, [*folders, client], environment, log, python=sys.executable)
