"""What the script prints, in a file on the machine: its first and its last part, so that no script fills the disk."""

from __future__ import annotations

import contextlib
import mmap
import time
from typing import TYPE_CHECKING, BinaryIO, Optional

from ec2_payload.wrapper.sizes import readable_size

if TYPE_CHECKING:
    import pathlib

FIRST_BYTES = 32 << 20
LAST_BYTES = 8 << 20
BLOCK_BYTES = 1 << 20
SAVE_EVERY_S = 5.0


class KeptLog:
    """The last part is a ring in memory, which output is read into; the file gets it now and then, and at the end.

    Output beyond the first part is therefore copied once, by the kernel, and costs no disk until it is saved.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.size = 0
        """Bytes printed in all."""
        self._ring = memoryview(mmap.mmap(-1, LAST_BYTES))  # takes real memory only as it is filled
        self._saved = 0
        self._saved_at = time.monotonic()
        self._file = self._opened()

    def block(self) -> memoryview:
        """Where the next bytes go: as many as there are, `BLOCK_BYTES` at most."""
        start = self.size % LAST_BYTES
        return self._ring[start : start + BLOCK_BYTES]

    def take(self, count: int) -> None:
        """The first `count` bytes of `block` have been filled."""
        to_file = self.block()[: min(count, max(0, FIRST_BYTES - self.size))]
        self.size += count
        self._write(to_file)
        if self.size > FIRST_BYTES and time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._save()

    def last(self, count: int) -> bytes:
        """The last bytes, as many as are there, `LAST_BYTES` at most."""
        count = min(count, self.size, LAST_BYTES)
        end = self.size % LAST_BYTES
        if count <= end:
            return bytes(self._ring[end - count : end])
        return bytes(self._ring[LAST_BYTES - (count - end) :]) + bytes(self._ring[:end])

    def close(self) -> None:
        """The file is complete then."""
        self._save()
        self._close_file()

    def _save(self) -> None:
        """Puts the last part behind the first one."""
        self._saved_at = time.monotonic()
        if not self._file or self.size <= FIRST_BYTES or self.size == self._saved:
            return
        self._saved = self.size
        last = self.last(self.size - FIRST_BYTES)
        between = self.size - FIRST_BYTES - len(last)
        notice = f"\n[mayfly] {readable_size(between)} are not kept\n" if between else ""
        self._file.seek(FIRST_BYTES)
        self._write(memoryview(notice.encode() + last))
        if self._file:
            self._file.truncate()

    def _opened(self) -> Optional[BinaryIO]:
        try:
            return self.path.open("wb", buffering=0)
        except OSError:
            return None

    def _write(self, data: memoryview) -> None:
        try:
            while data and self._file:
                data = data[self._file.write(data) :]
        except OSError:  # a full disk: the script, if it needs room, will say so itself
            self._close_file()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file:
            with contextlib.suppress(OSError):
                file.close()
