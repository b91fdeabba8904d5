"""The script's standard output and error, through pipes: kept on the machine, and passed on in part as they come."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import subprocess
import time
from typing import TYPE_CHECKING, Callable

from ec2_payload.wrapper.live_part import LivePart
from ec2_payload.wrapper.report import STDERR_TAIL_CHARACTERS

if TYPE_CHECKING:
    from ec2_payload.wrapper.kept_log import KeptLog
    from ec2_payload.wrapper.log import Log

POLL_S = 0.1
FILL_S = 0.0002
"""A read of much takes hardly longer than one of a line: so the pipe gets a moment to fill."""
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031
"""Of Linux; in the standard library since Python 3.10."""
TAIL_BYTES = STDERR_TAIL_CHARACTERS * 4 + 3
"""UTF-8 takes up to 4 bytes a character; 3 more for one cut in two at the start."""


class ScriptOutput:
    """Never waits for a reader of the live log, so that no script does."""

    def __init__(self, process: subprocess.Popen[bytes], kept: KeptLog, log: Log) -> None:
        self._process = process
        self._kept = kept
        self._log = log
        self._live = LivePart(log, kept)
        self._tail = b""
        self._open: set[int] = set()
        self._selector = selectors.PollSelector()  # unlike epoll it takes files, too
        for pipe in (process.stdout, process.stderr):
            if pipe:
                os.set_blocking(pipe.fileno(), False)
                with contextlib.suppress(OSError):  # macOS; or the user's pipes are many
                    fcntl.fcntl(pipe.fileno(), F_SETPIPE_SZ, PIPE_BYTES)
                self._selector.register(pipe.fileno(), selectors.EVENT_READ)
                self._open.add(pipe.fileno())

    def close(self) -> None:
        """Passes on the last of it, however long the reader takes."""
        self._live.finish()
        self._log.flush()
        self._kept.close()
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def is_open(self) -> bool:
        return bool(self._open)

    def pump(self, finished: Callable[[], bool], deadline: float) -> bool:
        """Passes output on until `finished` (True) or the deadline (False)."""
        while not finished():
            remaining = deadline - time.monotonic()
            self._pass_on(max(0.0, min(remaining, POLL_S)))
            if remaining <= 0:
                return False
        return True

    def stderr_tail(self) -> str:
        """The last characters of standard error; bytes that are not UTF-8 are replaced."""
        return self._tail.decode("utf-8", "replace")[-STDERR_TAIL_CHARACTERS:]

    def _pass_on(self, timeout_s: float) -> None:
        if not (self._open or self._log.waiting):  # closed by the script, which may run on for long
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
            return
        self._watch_reader()
        ready = [key.fd for key, _ in self._selector.select(timeout_s)]
        if self._open.intersection(ready):
            time.sleep(FILL_S)
        for descriptor in ready:
            if descriptor in self._open:
                self._read(descriptor)
            else:
                self._log.write_some()

    def _watch_reader(self) -> None:
        is_watched = self._log.descriptor in self._selector.get_map()
        if self._log.waiting and not is_watched:
            self._selector.register(self._log.descriptor, selectors.EVENT_WRITE)
        elif is_watched and not self._log.waiting:
            self._selector.unregister(self._log.descriptor)

    def _read(self, descriptor: int) -> None:
        block = self._kept.block()
        count = os.readv(descriptor, [block])
        if not count:
            self._open.discard(descriptor)
            self._selector.unregister(descriptor)
            return
        data = block[:count]
        self._kept.take(count)
        self._live.offer(descriptor, data)
        if self._process.stderr and descriptor == self._process.stderr.fileno():
            self._tail = (self._tail + bytes(data[-TAIL_BYTES:]))[-TAIL_BYTES:]
