"""Bytes that are reader on their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

OnBytes = Callable[[int], None]
"""Called with how many more bytes went; less than nothing when some have to go again."""


def ignore_progress(_: int) -> None:
    """The default: reports nothing."""


class ProgressReader:
    """A file that reports how much of it was read."""

    def __init__(self, file: BinaryIO, on_bytes: OnBytes) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._reported = 0

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self._reported += len(found)
        self._on_bytes(len(found))
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def rewind_progress(self) -> None:
        """What was read did not arrive."""
        self._on_bytes(-self._reported)
        self._reported = 0
