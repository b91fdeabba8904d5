"""What goes into the live log of all that a script prints: as much as its reader can carry.

The SSM agent copies output byte by byte, reads it whole at the end (commandoutput.go), and sends at most 800,000 bytes
a second to CloudWatch Logs (cloudwatchlogsservice.go): passed on as it is, a chatty script would be slowed to that.
Bytes that are not UTF-8 it puts into a JSON request as they are, which cannot be read then, and tries again for ever.
"""

from __future__ import annotations

import codecs
import time
from typing import TYPE_CHECKING, Callable

from ec2_payload.wrapper.kept_log import FIRST_BYTES, LAST_BYTES
from ec2_payload.wrapper.sizes import readable_size

if TYPE_CHECKING:
    from ec2_payload.wrapper.kept_log import KeptLog
    from ec2_payload.wrapper.log import Log

BURST_BYTES = 512 << 10
BYTES_PER_SECOND = 64 << 10
TOTAL_BYTES = 32 << 20
END_BYTES = 64 << 10
"""So much of a script's last words is passed on in any case."""
NEWLINE = 10
RESUME_BYTES = 16 << 10
"""Less is not worth a line that says what was left out."""


class LivePart:
    """Passes on whole lines while the limits allow it, and says what was left out."""

    def __init__(self, log: Log, kept: KeptLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._kept = kept
        self._clock = clock
        self._burst: float = BURST_BYTES
        self._counted_at = clock()
        self._total = TOTAL_BYTES
        self._left_out = 0
        self._torn: set[int] = set()
        self._decoders: dict[int, codecs.IncrementalDecoder] = {}
        self._has_explained = False
        self._has_said_full = False

    def offer(self, stream: int, data: memoryview) -> None:
        """Takes in what one of the script's streams printed, as it comes."""
        room = self._room()
        part = bytes(data[:room])
        if len(part) < len(data):
            part = part[: part.rfind(b"\n") + 1] or part
        # A line whose beginning was left out is left out whole.
        skipped = (part.find(b"\n") + 1 or len(part)) if stream in self._torn else 0
        if len(part) < len(data):
            self._torn.discard(stream)
            if data[-1] != NEWLINE:
                self._torn.add(stream)
        elif skipped < len(part) or part.endswith(b"\n"):
            self._torn.discard(stream)
        if skipped < len(part):
            self._say_left_out(skipped)
            self._pass_on(stream, part[skipped:])
            self._left_out = len(data) - len(part)
        else:
            self._left_out += len(data)
        self._say_full()

    def finish(self) -> None:
        """Passes on the script's last lines, if they were left out."""
        for decoder in self._decoders.values():
            self._log.queue(decoder.decode(b"", final=True).encode())
        if not self._left_out:
            return
        last = self._kept.last(min(self._left_out, END_BYTES))
        if len(last) < self._left_out:
            last = last[last.find(b"\n") + 1 :]
        self._say_left_out(-len(last))
        self._log.queue(last.decode("utf-8", "replace").encode())
        self._left_out = 0

    def _room(self) -> int:
        now = self._clock()
        self._burst = min(BURST_BYTES, self._burst + (now - self._counted_at) * BYTES_PER_SECOND)
        self._counted_at = now
        room = max(0, min(int(self._burst), self._total, BURST_BYTES - self._log.waiting))
        return 0 if self._left_out and room < RESUME_BYTES else room

    def _pass_on(self, stream: int, part: bytes) -> None:
        decoder = self._decoders.setdefault(stream, codecs.getincrementaldecoder("utf-8")("replace"))
        passed = decoder.decode(part).encode()
        self._log.queue(passed)
        self._burst -= len(passed)
        self._total -= len(passed)

    def _say_full(self) -> None:
        if self._left_out and self._total < RESUME_BYTES and not self._has_said_full:
            self._has_said_full = True
            self._log.queue_line("the live log is full: no more lines until the script has ended, then its last ones")

    def _say_left_out(self, more: int) -> None:
        count = self._left_out + more
        if not count:
            return
        where = ""
        if not self._has_explained:
            self._has_explained = True
            where = (
                f": a live log takes {readable_size(BYTES_PER_SECOND)} a second, {readable_size(TOTAL_BYTES)} in all. "
                f"The first {readable_size(FIRST_BYTES)} and the last {readable_size(LAST_BYTES)} are on the machine, "
                f"until the job ends, in {self._kept.path}"
            )
        self._log.queue_line(f"{readable_size(count)} left out here{where}")
