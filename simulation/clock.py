"""A clock that only moves when something is due: hours of a stack's life pass in a moment."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from functions.jobs import clock as records_clock

BEGINNING = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)


@dataclass
class Timer:
    """Something that is due at a moment; cancelled, it never happens."""

    action: Callable[[], None] | None

    def cancel(self) -> None:
        self.action = None


class VirtualClock:
    """`seconds` since the beginning, and what is due when. What is due at the same moment happens in order."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due: list[tuple[float, int, Timer]] = []
        self._numbers = count()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer = Timer(action)
        heapq.heappush(self._due, (self.seconds + max(0.0, seconds), next(self._numbers), timer))
        return timer

    def run(self, until: float) -> None:
        """Lets everything happen that is due up to a moment, in seconds since the beginning, and moves there."""
        while self._due and self._due[0][0] <= until:
            self.seconds, _, timer = heapq.heappop(self._due)
            action, timer.action = timer.action, None
            if action is not None:
                action()
        self.seconds = max(self.seconds, until)

    @property
    def utc(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.seconds)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Everything in functions/jobs takes its time from this clock meanwhile."""
        real = records_clock.utc_now
        records_clock.utc_now = lambda: self.utc
        try:
            yield
        finally:
            records_clock.utc_now = real
