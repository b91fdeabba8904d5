"""What a function printed while it was invoked, collected without waiting for what will not come.

Upstream MiniStack waits 50 ms after every invocation for a first line, and 5 ms for another one. A worker prints before
it answers: what it printed is in the pipe when its answer is there, and is read out of it then.
"""

from __future__ import annotations

import os
import queue
import select
import threading
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime

_CHUNK = 64 * 1024
_READER = "localcloud_output_reader"  # an attribute of the worker


class OutputReader:
    """Reads the standard error of one process of a worker, line by line, into the worker's queue.

    Its own thread keeps the pipe from filling up; a caller that wants the lines so far reads the rest itself.
    """

    def __init__(self, process: Any, lines: queue.Queue[str]) -> None:
        self.lines = lines
        self._lock = threading.Lock()
        self._unfinished = b""
        # One of its own: the worker closes the other, whose number then may be another file's.
        self._pipe = os.dup(process.stderr.fileno())
        self._look = select.poll()
        self._look.register(self._pipe, select.POLLIN)
        self._has_ended = False

    def run(self) -> None:
        """Returns when the process has closed the pipe."""
        wait = select.poll()  # one poll object is not for two threads
        wait.register(self._pipe, select.POLLIN)
        while not self._has_ended:
            wait.poll()
            self.read()
        os.close(self._pipe)

    def read(self) -> None:
        """Takes what is in the pipe, without waiting for more."""
        with self._lock:
            while not self._has_ended and self._look.poll(0):
                self._take(os.read(self._pipe, _CHUNK))

    def _take(self, chunk: bytes) -> None:
        self._has_ended = not chunk
        *whole, self._unfinished = (self._unfinished + chunk).split(b"\n")
        if self._has_ended and self._unfinished:
            whole.append(self._unfinished)
        for line in whole:
            self.lines.put(line.decode("utf-8", "replace").removesuffix("\r"))


def install() -> None:
    lambda_runtime.Worker._read_stderr = _read
    lambda_runtime.Worker._drain_stderr_bounded = _collecting(lambda_runtime.Worker._drain_stderr_bounded)


def _read(worker: Any) -> None:
    """In the place of the worker's own reader, in its thread."""
    reader = OutputReader(worker._proc, worker._stderr_queue)
    setattr(worker, _READER, reader)
    reader.run()


def _collecting(upstream: Callable[..., str]) -> Callable[..., str]:
    def collected(worker: Any, **options: Any) -> str:
        reader = getattr(worker, _READER, None)
        if reader is None or reader.lines is not worker._stderr_queue:  # another kind of worker, or another process
            return upstream(worker, **options)
        reader.read()
        lines: str = worker._drain_stderr()
        return lines

    return collected
