"""How a function's workers are started: the first process of its code imports what takes long, workers are forks of it.

Upstream MiniStack has every worker import everything again, which is most of its start: on a laptop a burst of jobs,
and every function whose settings were changed, waits for that. On AWS each environment imports its own modules on a
computer of its own; a function cannot tell the difference, for nothing of its own runs before the fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from ministack.core import lambda_runtime

from localcloud.emulator.functions.preloaded_worker import LONGEST_MESSAGE, brought_along

PROGRAM = Path(__file__).with_name("preloaded_worker.py")
KEPT = 24  # twice a program's functions; code that was replaced needs no more workers
IS_POSSIBLE = hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")  # Linux


class ForkedWorker:
    """As much of a `subprocess.Popen` as MiniStack uses; whose child it is makes no difference to that."""

    def __init__(self, pid: int, handle: int, stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._handle = handle
        weakref.finalize(self, os.close, handle)

    def poll(self) -> int | None:
        """Zero once it has ended, in whatever way."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._has_ended(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("worker", timeout or 0)
        return 0

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _has_ended(self, milliseconds: float | None) -> bool:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)


class Preloaded:
    """The process that has imported what one function's code needs of others."""

    def __init__(self, code: Path) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(code), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def fork(self, script: str, folder: str, environment: dict[str, str]) -> ForkedWorker:
        """A new worker that runs the script.

        Raises:
            OSError: the process is gone, or this is more than a message holds.
        """
        request = {"script": script, "folder": folder, "environment": environment}
        (stdin, ours_in), (ours_out, stdout), (ours_err, stderr) = os.pipe(), os.pipe(), os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._socket, [json.dumps(request).encode()], [stdin, stdout, stderr])
                answer, handles, _, _ = socket.recv_fds(self._socket, LONGEST_MESSAGE, 1)
            if not handles:
                raise ConnectionResetError
        except OSError:
            for each in (ours_in, ours_out, ours_err):
                os.close(each)
            raise
        finally:
            for each in (stdin, stdout, stderr):
                os.close(each)
        return ForkedWorker(
            int(answer),
            handles[0],
            os.fdopen(ours_in, "w", buffering=1, encoding="utf-8"),
            os.fdopen(ours_out, encoding="utf-8"),
            os.fdopen(ours_err, encoding="utf-8", errors="replace"),
        )

    def close(self) -> None:
        """Ends it, not its workers."""
        self._socket.close()
        self._process.wait()


class WorkerStarts:
    """Stands in the place of `subprocess.Popen` for what MiniStack starts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._preloaded: OrderedDict[Path, Preloaded] = OrderedDict()

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str] | ForkedWorker:
        code = Path(options.get("cwd") or "/").resolve()
        environment: dict[str, str] = options.get("env") or {}
        # Layers come before the code, so that they may replace what it brings along.
        if IS_POSSIBLE and "_LAMBDA_LAYERS_DIRS" not in environment and brought_along(code):
            with contextlib.suppress(OSError):
                return self._of(code).fork(command[-1], options["cwd"], environment)
            self._forget(code)
        return subprocess.Popen(command, errors="replace" if options.get("text") else None, **options)

    def _of(self, code: Path) -> Preloaded:
        with self._lock:
            if code not in self._preloaded:
                self._preloaded[code] = Preloaded(code)
            self._preloaded.move_to_end(code)
            if len(self._preloaded) > KEPT:
                self._preloaded.popitem(last=False)[1].close()
            return self._preloaded[code]

    def _forget(self, code: Path) -> None:
        with self._lock:
            if gone := self._preloaded.pop(code, None):
                gone.close()


def install() -> None:
    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": WorkerStarts().start})
