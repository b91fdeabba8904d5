"""SHA-256 during a transfer, in a thread: hashlib lets go of the interpreter's lock, so both really run at once."""

from __future__ import annotations

import hashlib
import mmap
import queue
import threading
from typing import Optional

CHUNK = 1 << 20
BUFFERS = 4


class Digest:
    """Provides buffers and hashes them once they are returned; `close` ends its thread."""

    def __init__(self) -> None:
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._filled: queue.SimpleQueue[Optional[tuple[memoryview, int]]] = queue.SimpleQueue()
        self._sha256 = hashlib.sha256()
        for _ in range(BUFFERS):  # mapped, so that a small file takes a page and not all of them
            self._free.put(memoryview(mmap.mmap(-1, CHUNK)))
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def buffer(self) -> memoryview:
        """A free buffer of `CHUNK` bytes; waits for the hashing when it lags behind."""
        return self._free.get()

    def give_back(self, buffer: memoryview, count: int) -> None:
        """Returns a buffer, whose first `count` bytes come next; it must not be changed any more."""
        self._filled.put((buffer, count))

    def hexdigest(self) -> str:
        """The SHA-256 of everything returned; nothing can follow."""
        self.close()
        return self._sha256.hexdigest()

    def close(self) -> None:
        self._filled.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            item = self._filled.get()
            if item is None:
                return
            buffer, count = item
            self._sha256.update(buffer[:count])
            self._free.put(buffer)
