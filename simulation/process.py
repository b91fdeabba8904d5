"""A function's invocation as a coroutine in virtual time.

The handlers are ordinary blocking code. Each runs in a greenlet that goes to sleep at every call to AWS, so that the
steps of many invocations interleave as they would on as many real machines, and the same way again with the same seed.
"""

from __future__ import annotations

from collections.abc import Callable

from greenlet import getcurrent, greenlet

from simulation.clock import Timer, VirtualClock


class Killed(BaseException):
    """The process is ended from outside. No handler can catch it."""


class Process:
    """`owner` says whose process it is. Made and woken by the clock, never by another process."""

    def __init__(
        self, clock: VirtualClock, owner: object, work: Callable[[], None], parent: greenlet | None = None
    ) -> None:
        self.owner = owner
        self._clock = clock
        self._alarm: Timer | None = None
        self._greenlet = greenlet(work, parent)
        self._greenlet.process = self

    def wake(self) -> None:
        """Lets it run until it sleeps or ends."""
        self._greenlet.switch()

    def sleep(self, seconds: float) -> None:
        self._alarm = self._clock.after(seconds, self.wake)
        self._greenlet.parent.switch()

    def fork(self, work: Callable[[], None]) -> Process:
        """Another process of the same owner, which begins at once."""
        process = Process(self._clock, self.owner, work, self._greenlet.parent)
        process.wake_soon()
        return process

    def wake_soon(self) -> None:
        """Wakes it when every process that runs at this moment has stopped."""
        self._alarm = self._clock.after(0.0, self.wake)

    def wait(self) -> None:
        """Sleeps until it is woken."""
        self._greenlet.parent.switch()

    def kill_soon(self) -> None:
        """For another process to call: it is not woken any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._clock.after(0.0, self.kill)

    def kill(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._greenlet.dead:
            self._greenlet.throw(Killed())


def current() -> Process | None:
    """The process that asks; None outside of all of them, where a test sets things up."""
    process = getattr(getcurrent(), "process", None)
    return process if isinstance(process, Process) else None


def pause(seconds: float) -> None:
    """Lets time pass for the process that calls; outside of all processes none passes."""
    process = current()
    if process is not None:
        process.sleep(seconds)
