"""A clock that stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from functions.jobs import clock


class StoppedClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)

    def go_on(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def utc_now(self) -> datetime:
        return self.moment

    def seconds(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock()
    monkeypatch.setattr(clock, "utc_now", stopped.utc_now)
    monkeypatch.setattr(time, "time", stopped.seconds)
    return stopped


@pytest.fixture
def event_loop() -> Iterator[None]:
    """Mangum works in the thread's event loop, makes one where there is none, and never closes it."""
    with asyncio.Runner():
        yield
