"""Starts a function's workers by forking, with what their code imports from others imported before.

A program of its own, run by `worker_starts` with the folder of the function's code and the number
of a socket. Each message on the socket asks for one worker: `{script, folder, environment}` as JSON, and its standard
input, output and error as file descriptors. The answer is the worker's process id, and a descriptor for it (pidfd).
Ends when the socket's other end is closed; the workers go on until their own input is.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path

# What functions spend their start on, where their code brings it along. None of it does more than define things when it
# is imported: what a function's environment says, it reads later.
MODULES = ("botocore.session", "aws_lambda_powertools", "pydantic", "fastapi", "mangum")
LONGEST_MESSAGE = 256 * 1024


def brought_along(code: Path) -> list[str]:
    return [name for name in MODULES if (code / name.partition(".")[0]).is_dir()]


def preload(code: str) -> None:
    sys.path[0] = code
    for name in brought_along(Path(code)):
        with contextlib.suppress(Exception):  # it comes again, and is reported, in the worker
            importlib.import_module(name)


def next_script(asked: socket.socket) -> str | None:
    """Returns in each worker, with the script that it is to run, and in the end in the first process, with nothing."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers that have ended leave nothing behind
    while True:
        message, streams, _, _ = socket.recv_fds(asked, LONGEST_MESSAGE, 3)
        if not message:
            return None
        process = os.fork()
        if not process:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asked.close()
            return become(streams, **json.loads(message))
        for each in streams:
            os.close(each)
        handle = os.pidfd_open(process)
        socket.send_fds(asked, [str(process).encode()], [handle])
        os.close(handle)


def become(streams: list[int], script: str, folder: str, environment: dict[str, str]) -> str:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv, sys.path[0] = [script], str(Path(script).parent)
    with contextlib.suppress(OSError, KeyError):  # what ps and top show of it: the end of the function's name
        Path("/proc/self/comm").write_text(environment["AWS_LAMBDA_FUNCTION_NAME"][-15:], encoding="utf-8")
    return script


if __name__ == "__main__":
    preload(sys.argv[1])
    if (script := next_script(socket.socket(fileno=int(sys.argv[2])))) is not None:
        runpy.run_path(script, run_name="__main__")
