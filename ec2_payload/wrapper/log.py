"""The job's live log on standard output: the wrapper's progress lines, and what is passed on of the script's output."""

from __future__ import annotations

import os

STDOUT = 1
CERTAIN_BYTES = 4096
"""A pipe that can be written to takes as many at once without blocking (PIPE_BUF of Linux, pipe(7))."""


class Log:
    """Writes straight to a file descriptor. What is queued waits for the reader, who may be slow, without blocking."""

    def __init__(self, descriptor: int = STDOUT) -> None:
        self.descriptor = descriptor
        self._queue = bytearray()
        self._at_line_start = True
        self._lost = False

    @property
    def waiting(self) -> int:
        """Bytes that are queued."""
        return len(self._queue)

    def say(self, line: str) -> None:
        """Writes one progress line, after all that is queued."""
        self.queue_line(line)
        self.flush()

    def queue_line(self, line: str) -> None:
        """A line of the wrapper's, on a line of its own even if the script's last one is unfinished."""
        start = "" if self._at_line_start else "\n"
        self.queue(f"{start}[mayfly] {line}\n".encode("utf-8", "replace"))

    def queue(self, data: bytes) -> None:
        """Has the bytes written, unchanged, once there is room."""
        if data and not self._lost:
            self._at_line_start = data.endswith(b"\n")
            self._queue += data

    def write_some(self) -> None:
        """Writes what a descriptor that can be written to takes without blocking."""
        try:
            del self._queue[: os.write(self.descriptor, self._queue[:CERTAIN_BYTES])]
        except OSError:
            # The reader is gone or its disk is full. A job must not fail because its output cannot be read any more.
            self._lost = True
            self._queue.clear()

    def flush(self) -> None:
        """Writes all that is queued, however long its reader takes."""
        while self._queue:
            self.write_some()
