"""SIGTERM and SIGINT as an exception that unwinds the job: script killed, work folder removed, report written."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """The wrapper received a stop signal. Not an `Exception`, so that no retry takes it for a failure."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopSignals:
    """Raises `Stopped` once, at the first signal; later ones are ignored so that clean-up is not cut short."""

    def __init__(self) -> None:
        self.received: Optional[int] = None
        self._held = False
        self._raised = False

    def ignore(self) -> None:
        """From now on signals change nothing."""
        self._raised = True

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, a signal only sets `received`; `Stopped` is raised on leaving."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self._raise_once()

    def receive(self, number: int, _frame: Optional[FrameType]) -> None:
        """The signal handler."""
        self.received = self.received or number
        if not self._held:
            self._raise_once()

    def _raise_once(self) -> None:
        if self.received and not self._raised:
            self._raised = True
            raise Stopped(self.received)


@contextlib.contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Handles the signals inside; the handlers from before are put back. Main thread only, as Python requires."""
    stop = StopSignals()
    previous = {number: signal.signal(number, stop.receive) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
