"""AWS Lambda: runs the real handlers, each invocation a process of its own."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from simulation.calls import Crash, Invocation
from simulation.clock import Timer, VirtualClock
from simulation.faults import OF_THE_WHOLE, CallFault, Congestion, FunctionFault
from simulation.process import Killed, Process
from simulation.rng import Rng

# Lambda tries an asynchronous invocation twice again, after these seconds; one that it had no room for does not count,
# and comes again after a second, twice as many, and so on (developer guide, "How Lambda handles errors and retries with
# asynchronous invocation").
_ASYNC_RETRIES = (60.0, 120.0)
_FIRST_BUSY_RETRY, _LONGEST_BUSY_RETRY = 1.0, 300.0
_GIVEN_UP_AFTER = 3.0


@dataclass(frozen=True)
class Function:
    """`handler` takes an event and a context; after `timeout` seconds Lambda ends it."""

    handler: Callable[[Any, Any], Any]
    timeout: float


@dataclass(frozen=True)
class Answer:
    """What an invocation came to: its payload as JSON gives it back, or an error's name and its cause."""

    payload: Any = None
    error: str | None = None
    cause: str = ""


# As a workflow hears of it (Step Functions developer guide, "Handle transient Lambda service exceptions").
BUSY = Answer(error="Lambda.TooManyRequestsException", cause="Rate Exceeded.")
_BROKEN_OFF = Answer(error="Lambda.SdkClientException", cause="the connection was closed")


def ignored(_answer: Answer) -> None:
    """For an answer that is not waited for."""


def _context(function: str, remaining_seconds: Callable[[], float]) -> Any:
    return SimpleNamespace(
        function_name=function,
        memory_limit_in_mb=256,
        invoked_function_arn=f"arn:aws:lambda:eu-central-1:123456789012:function:{function}",
        aws_request_id="simulated",
        get_remaining_time_in_millis=lambda: int(1_000 * remaining_seconds()),
    )


class Lambdas:
    """`invoked` counts the invocations by function, `failed` those that did not come to their end.

    `seconds` is how long a function's invocations took together, `most` how many of all ran at the same time.
    """

    def __init__(
        self,
        clock: VirtualClock,
        rng: Rng,
        functions: Mapping[str, Function],
        faults: Sequence[FunctionFault],
        congestions: Sequence[Congestion] = (),
    ) -> None:
        self.invoked: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.most = 0
        self.pending = 0
        self._clock = clock
        self._chance = rng
        self._functions = functions
        self._congestions = congestions
        self._faults: dict[tuple[str, int], list[FunctionFault]] = defaultdict(list)
        for fault in faults:
            self._faults[fault.function, fault.invocation].append(fault)
        self._running: dict[int, tuple[Process, Timer]] = {}

    def invoke(self, function: str, event: Any, done: Callable[[Answer], None]) -> None:
        """Runs a function; `done` hears its answer."""
        faults = self._faults.get((function, self.invoked[function]), ())
        running = Invocation(
            function=function,
            number=self.invoked[function],
            call_faults={fault.call: fault.call_fault for fault in faults if fault.call_fault not in OF_THE_WHOLE},
            of_the_whole=next((fault.call_fault for fault in faults if fault.call_fault in OF_THE_WHOLE), None),
        )
        self.invoked[function] += 1
        self.pending += 1
        if running.of_the_whole is CallFault.BUSY or self._is_congested(function):
            self._clock.after(self._chance.between(0.005, 0.05), partial(self._end, done, BUSY))
            return
        self._clock.after(self._chance.function_start(), partial(self._begin, running, json.dumps(event), done))

    def _is_congested(self, function: str) -> bool:
        return any(each.covers(self._clock.seconds, function) for each in self._congestions)

    def invoke_asynchronously(
        self,
        function: str,
        event: Any,
        retries: tuple[float, ...] = _ASYNC_RETRIES,
        busy_retry: float = _FIRST_BUSY_RETRY,
    ) -> None:
        """As EventBridge does: the answer is dropped, and Lambda itself retries."""

        def done(answer: Answer) -> None:
            if answer is BUSY:
                pause, left = busy_retry, (retries, min(2 * busy_retry, _LONGEST_BUSY_RETRY))
            elif answer.error is not None and retries:
                pause, left = retries[0], (retries[1:], busy_retry)
            else:
                return
            self.pending += 1
            self._clock.after(pause, partial(again, *left))

        def again(retries: tuple[float, ...], busy_retry: float) -> None:
            self.pending -= 1
            self.invoke_asynchronously(function, event, retries, busy_retry)

        self.invoke(function, event, done)

    def stop(self) -> None:
        """Ends what still runs, without an answer."""
        for process, limit in list(self._running.values()):
            limit.cancel()
            process.kill()

    def _begin(self, running: Invocation, event: str, done: Callable[[Answer], None]) -> None:
        if running.of_the_whole is CallFault.GIVEN_UP:
            self._clock.after(self._chance.between(0.0, _GIVEN_UP_AFTER), partial(done, _BROKEN_OFF))
            done = ignored
        process = Process(self._clock, running, partial(self._work, running, event, done))
        limit = self._clock.after(self._functions[running.function].timeout, process.kill)
        self._running[id(running)] = process, limit
        self.most = max(self.most, len(self._running))
        process.wake()

    def _work(self, running: Invocation, event: str, done: Callable[[Answer], None]) -> None:
        function, began = running.function, self._clock.seconds
        context = _context(function, lambda: self._functions[function].timeout - (self._clock.seconds - began))
        try:
            payload = self._functions[function].handler(json.loads(event), context)
            answer = Answer(json.loads(json.dumps(payload)))
        except Crash:
            answer = Answer(error="Runtime.ExitError", cause="RequestId: simulated Error: Runtime exited")
        except Killed:
            answer = Answer(error="Sandbox.Timedout", cause="RequestId: simulated Error: Task timed out")
        except Exception as error:  # noqa: BLE001  # whatever a handler raises is Lambda's answer
            details = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            answer = Answer(error=type(error).__name__, cause=json.dumps(details))
        if running.of_the_whole is CallFault.ANSWER_LOST and answer.error is None:
            answer = _BROKEN_OFF
        _, limit = self._running.pop(id(running))
        limit.cancel()
        self.seconds[function] += self._clock.seconds - began
        if answer.error is not None:
            self.failed[function] += 1
        self._clock.after(self._chance.between(0.001, 0.01), partial(self._end, done, answer))

    def _end(self, done: Callable[[Answer], None], answer: Answer) -> None:
        self.pending -= 1
        done(answer)
