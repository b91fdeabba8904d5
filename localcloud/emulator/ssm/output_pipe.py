"""One of a command's two streams, on its way through a pipe to a file of the agent's.

As the agent does (docs/ssm-agent.md): a program that prints faster than it copies waits in write(2), and the stream is
complete only when no process holds the pipe any more.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

READ_BYTES = 32 << 10  # of Go's io.Copy, which amazon-ssm-agent's executers.go copies by
LONGEST_PAUSE_SECONDS = 1.0


class OutputPipe:
    """Opened before the program that writes it is started, since an open(2) of a pipe waits for the other end."""

    def __init__(self, file: Path, bytes_per_s: float | None) -> None:
        """Makes the pipe and the file.

        Args:
            file: what the output is appended to; the pipe is next to it, for as long as it is read.
            bytes_per_s: how fast to copy; None for as fast as this computer can.
        """
        self.path = file.with_name(f"{file.name}.pipe")
        self._bytes_per_s = bytes_per_s
        self._stopped = threading.Event()
        with contextlib.ExitStack() as opened:
            os.mkfifo(self.path, 0o600)
            opened.callback(self.path.unlink, missing_ok=True)
            self._source = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
            opened.callback(os.close, self._source)
            self._file = opened.enter_context(file.open("ab", buffering=0))
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Instead of `copy`, when the program could not be started."""
        self._opened.close()

    def copy(self, on_end: Callable[[], None]) -> threading.Thread:
        """Copies in a thread, from the moment that the program has been started; `on_end` is called from there."""
        os.set_blocking(self._source, True)
        thread = threading.Thread(target=self._copy, args=(on_end,), name="agent-output", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Nothing more gets to the file, and a process that still writes gets SIGPIPE."""
        self._stopped.set()
        # Wakes the reader. Where there is no room for a byte it is awake; where there is no pipe it has ended.
        with contextlib.suppress(OSError):
            wake = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(wake, b"\0")
            finally:
                os.close(wake)

    def _copy(self, on_end: Callable[[], None]) -> None:
        with self._opened:
            while data := os.read(self._source, self._read_bytes()):
                if self._stopped.is_set():
                    break
                self._file.write(data)
                if self._bytes_per_s and self._stopped.wait(len(data) / self._bytes_per_s):
                    break
        on_end()

    def _read_bytes(self) -> int:
        if self._bytes_per_s is None:
            return READ_BYTES
        return max(1, min(READ_BYTES, int(self._bytes_per_s * LONGEST_PAUSE_SECONDS)))
