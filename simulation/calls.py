"""Every call to AWS goes through here: it takes time, it is counted, it can be throttled, and it can go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from simulation.client import refused
from simulation.clock import VirtualClock
from simulation.faults import CallFault
from simulation.process import current, pause
from simulation.quotas import Quota, TokenBucket
from simulation.rng import Rng
from simulation.storage_errors import Outage, StorageError

T = TypeVar("T")

# As functions/aws/clients.py has it: EC2 is asked once, every other service three times.
_TRIES = 3
_READ_TIMEOUT = 20.0
_LONGEST_STALL = 90.0
_NO_FUNCTION = "no function"
# Whatever the answer is, an error of the service's as well.
_ANSWER_LOST = {CallFault.CRASH_AFTER, CallFault.ERROR_AFTER, CallFault.SENT_TWICE}


class Crash(BaseException):
    """The function's process is gone. No handler can catch it."""


@dataclass
class Invocation:
    """One run of a function, and its faults: by the number of its call, and as a whole."""

    function: str
    number: int
    call_faults: MutableMapping[int, CallFault | StorageError]
    of_the_whole: CallFault | None
    calls: int = 0

    def next_call_fault(self, action: str) -> CallFault | StorageError | None:
        self.calls += 1
        call_fault = self.call_faults.get(self.calls - 1)
        if isinstance(call_fault, StorageError) and not call_fault.applies_to(action):
            self.call_faults.setdefault(self.calls, call_fault)
            return None
        return call_fault


def invocation() -> Invocation | None:
    process = current()
    return process.owner if process is not None and isinstance(process.owner, Invocation) else None


def caller() -> str:
    """The name of the function that is running."""
    running = invocation()
    return running.function if running else _NO_FUNCTION


def throttled(action: str) -> ClientError:
    return refused(action, "RequestLimitExceeded" if action.startswith("ec2:") else "ThrottlingException")


class Calls:
    """`counted` is how often each (function, action) reached AWS; `quotas` are by action, none means no limit."""

    def __init__(
        self, clock: VirtualClock, rng: Rng, quotas: Mapping[str, Quota], outages: Sequence[Outage] = ()
    ) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()
        self._clock = clock
        self._outages = outages
        self._chance = rng
        self._buckets = {action: TokenBucket(clock, quota) for action, quota in quotas.items()}

    def by_action(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for (_, action), times in self.counted.items():
            total[action] += times
        return total

    def make(self, action: str, effect: Callable[[], T]) -> T:
        """One call of `action` ("ec2:RunInstances"), which does what `effect` does.

        Raises:
            Crash, ClientError, ReadTimeoutError: when the plan or a quota wants it; what `effect` raises.
        """
        process = current()
        running = process.owner if process is not None and isinstance(process.owner, Invocation) else None
        call_fault = running.next_call_fault(action) if running else None
        if process is not None:
            process.sleep(self._chance.api_call())
        if call_fault is None and self._outages:
            call_fault = self._outage(running, action)
        if call_fault is None:
            return self._sent(running, action, effect)
        if isinstance(call_fault, StorageError):
            self._fail(call_fault, action, effect)
        self._before(call_fault, action)
        is_lost = call_fault in _ANSWER_LOST and not (call_fault is CallFault.SENT_TWICE and action.startswith("ec2:"))
        with suppress(ClientError) if is_lost else nullcontext():
            answer = self._sent(running, action, effect)
        if call_fault is CallFault.CRASH_AFTER:
            raise Crash
        if call_fault is CallFault.ERROR_AFTER:
            raise ReadTimeoutError(endpoint_url=action)
        if is_lost:
            pause(_READ_TIMEOUT)
            answer = self._sent(running, action, effect)
        return answer

    def _before(self, call_fault: CallFault, action: str) -> None:
        """What happens before the call is sent."""
        if call_fault is CallFault.STALL:
            pause(self._chance.between(1.0, _LONGEST_STALL))
        elif call_fault is CallFault.CRASH_BEFORE:
            raise Crash
        elif call_fault is CallFault.ERROR_BEFORE:
            raise ReadTimeoutError(endpoint_url=action)
        elif call_fault is CallFault.THROTTLED:
            raise throttled(action)

    def _outage(self, running: Invocation | None, action: str) -> StorageError | None:
        function, moment = running.function if running else _NO_FUNCTION, self._clock.seconds
        return next((each.error for each in self._outages if each.covers(moment, function, action)), None)

    def _fail(self, error: StorageError, action: str, effect: Callable[[], object]) -> NoReturn:
        if error.has_effect:
            with suppress(ClientError):
                effect()
        for number in range(_TRIES - 1 if error.is_retried else 0):
            pause(self._backoff(number))
        raise refused(action, error.code)

    def _backoff(self, number: int) -> float:
        """Botocore's standard mode: up to 1, 2, 4 ... seconds."""
        return self._chance.between(0.0, 2.0**number)

    def has_room(self, quota: str, tokens: float) -> bool:
        """Takes from a quota that is not about requests; there is always room where none is set."""
        bucket = self._buckets.get(quota)
        return bucket is None or bucket.take(tokens)

    def _sent(self, running: Invocation | None, action: str, effect: Callable[[], T]) -> T:
        bucket = self._buckets.get(action)
        asked = running.function if running else _NO_FUNCTION, action
        self.counted[asked] += 1
        if bucket is None:
            return effect()
        tries = 1 if action.startswith("ec2:") else _TRIES
        for number in range(tries):
            if bucket.take():
                return effect()
            if number + 1 < tries:
                pause(self._backoff(number))
                self.counted[asked] += 1
        raise throttled(action)
