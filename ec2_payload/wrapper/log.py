"""The job's live log: the wrapper's progress lines and everything the script prints, on standard output."""

from __future__ import annotations

import os

STDOUT = 1


class Log:
    """Writes straight to a file descriptor, so nothing waits in a buffer while the job runs."""

    def __init__(self, descriptor: int = STDOUT) -> None:
        self._descriptor = descriptor
        self._at_line_start = True
        self._lost = False

    def say(self, line: str) -> None:
        """Writes one progress line, on a line of its own even if the script's last one is unfinished."""
        start = "" if self._at_line_start else "\n"
        self.pass_through(f"{start}[mayfly] {line}\n".encode("utf-8", "replace"))

    def pass_through(self, data: bytes) -> None:
        """Writes the bytes unchanged."""
        if not data or self._lost:
            return
        self._at_line_start = data.endswith(b"\n")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # The reader is gone or its disk is full. A job must not fail because nobody can read along any more.
            self._lost = True


def readable_size(count: int) -> str:
    """Bytes in a unit that a person reads: `512 bytes`, `100.0 MiB`."""
    if count < 1024:  # noqa: PLR2004
        return f"{count} bytes"
    size, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size < 1024:  # noqa: PLR2004
            break
        size, unit = size / 1024, larger
    return f"{size:.1f} {unit}"
