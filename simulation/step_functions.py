"""AWS Step Functions: executions of the real definition, and the calls that start, describe and answer them.

`client` looks like boto3's, so that functions/aws/workflow.py works on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, cast

from simulation.calls import Calls
from simulation.client import client, refused
from simulation.clock import BEGINNING, Timer, VirtualClock
from simulation.definition import Choice, Definition, Retrier, Task, Transition, Wait
from simulation.lambdas import Answer, Lambdas
from simulation.rng import Rng

STATE_MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:mayfly"
_EXECUTION = STATE_MACHINE.replace(":stateMachine:", ":execution:") + ":"
# The event that would have this number is the execution's failure (developer guide, "Quotas related to state machine
# executions"); what AWS writes there, measured on AWS: floci-io/floci issue 2734.
MOST_EVENTS = 25_000
HISTORY_FULL = ("States.Runtime", f"The execution reached the maximum number of history events ({MOST_EVENTS}).")
# DescribeExecution is eventually consistent (API reference); seconds.
_LATEST_NEWS = 2.0


@dataclass
class Execution:
    """`given` and `input` are the execution's and the state's input; `retries` counts by row of the state's Retry.

    `token` is of the try that is under way, and `last_asked` when that began.
    """

    name: str
    given: str
    started: float
    status: str = "RUNNING"
    ended: float | None = None
    state: str = ""
    input: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    retries: dict[Retrier, int] = field(default_factory=dict)
    tries: int = 0
    token: str | None = None
    timer: Timer | None = None
    history: int = 1  # events, of which the first is the start
    last_asked: float = 0.0
    error: tuple[str, str] | None = None  # its name and cause, once it has failed


class StepFunctions:
    """`transitions` is what AWS bills: states entered, and tries again. `on_end` hears of every execution's end."""

    def __init__(self, clock: VirtualClock, rng: Rng, calls: Calls, lambdas: Lambdas, definition: Definition) -> None:
        self.executions: dict[str, Execution] = {}
        self.transitions = 0
        self.on_end: list[Callable[[Execution], None]] = []
        operations: Mapping[str, Callable[..., Any]] = {
            "StartExecution": self._start,
            "DescribeExecution": self._describe,
            "SendTaskSuccess": self._send_success,
            "SendTaskFailure": self._send_failure,
        }
        self.client = client("states", calls, operations)
        self._clock = clock
        self._chance = rng
        self._lambdas = lambdas
        self._definition = definition
        self._waiting: dict[str, Execution] = {}

    @property
    def running(self) -> list[Execution]:
        return [execution for execution in self.executions.values() if execution.status == "RUNNING"]

    def abort(self, name: str) -> None:
        """What an operator does with StopExecution."""
        execution = self.executions.get(name)
        if execution is not None and execution.status == "RUNNING":
            self._finish(execution, "ABORTED")

    # The calls

    def _start(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002
        if stateMachineArn != STATE_MACHINE:
            raise refused("states:StartExecution", "StateMachineDoesNotExist")
        known = self.executions.get(name)
        if known is not None and not (known.status == "RUNNING" and known.given == input):
            raise refused("states:StartExecution", "ExecutionAlreadyExists")
        if known is None:
            execution = Execution(name, input, self._clock.seconds)
            self.executions[name] = execution
            self._move(execution, self._definition.start_at, json.loads(input))
        return {"executionArn": _EXECUTION + name}

    def _describe(self, *, executionArn: str) -> dict[str, Any]:
        execution = self.executions.get(executionArn.removeprefix(_EXECUTION))
        seen = self._clock.seconds - self._chance.between(0.0, _LATEST_NEWS)
        if execution is None or execution.started > seen:
            raise refused("states:DescribeExecution", "ExecutionDoesNotExist")
        has_ended = execution.ended is not None and execution.ended <= seen
        return {"status": execution.status if has_ended else "RUNNING"}

    def _send_success(self, *, taskToken: str, output: str) -> None:
        self._succeeded(self._who_waits(taskToken, "states:SendTaskSuccess"), json.loads(output))

    def _send_failure(self, *, taskToken: str, error: str, cause: str) -> None:
        self._failed(self._who_waits(taskToken, "states:SendTaskFailure"), error, cause)

    def _who_waits(self, token: str, action: str) -> Execution:
        if token not in self._waiting:
            raise refused(action, "TaskTimedOut")
        return self._waiting[token]

    # The execution

    def _move(self, execution: Execution, state: str, given: Any) -> None:
        execution.state, execution.input = state, given
        execution.timer = self._clock.after(self._chance.between(0.005, 0.05), partial(self._enter, execution))

    def _enter(self, execution: Execution) -> None:
        self.transitions += 1
        if not self._has_room(execution, 1):  # entered
            return
        state = self._definition.states[execution.state]
        if isinstance(state, Task):
            execution.retries = {}
            self._try(execution, state)
            return
        scope = self._scope(execution)
        if isinstance(state, Wait):
            until = (datetime.fromisoformat(state.timestamp(scope)).replace(microsecond=0) - BEGINNING).total_seconds()
            go = partial(self._go, execution, state, scope, execution.input)
            execution.timer = self._clock.after(until - self._clock.seconds, go)
            return
        self._go(execution, state.chosen(scope) if isinstance(state, Choice) else state, scope, execution.input)

    def _go(self, execution: Execution, transition: Transition, scope: Mapping[str, Any], output: Any) -> None:
        if not self._has_room(execution, 1):  # exited
            return
        given = output if transition.output is None else transition.output(scope)
        execution.variables |= {name: value(scope) for name, value in transition.assign.items()}
        if transition.next is None:
            self._finish(execution, "SUCCEEDED")
        else:
            self._move(execution, transition.next, given)

    @staticmethod
    def _scope(execution: Execution, **states: Any) -> dict[str, Any]:
        """The variables, and of the context object what ours reads."""
        context = {
            "Execution": {"Input": json.loads(execution.given), "RedriveCount": 0},
            "State": {"RetryCount": sum(execution.retries.values())},
            "Task": {"Token": execution.token},
        }
        return {**execution.variables, "states": {"input": execution.input, "context": context, **states}}

    def _try(self, execution: Execution, task: Task) -> None:
        if not self._has_room(execution, 2):  # scheduled, started
            return
        execution.tries += 1
        token = f"{execution.name}/{execution.tries}"
        execution.token = token
        execution.last_asked = self._clock.seconds
        self._waiting[token] = execution
        scope = self._scope(execution)
        timeout = partial(self._fail_if_waiting, token, "States.Timeout", None)
        seconds = task.timeout_seconds
        execution.timer = None if seconds is None else self._clock.after(seconds(scope), timeout)
        answered = partial(self._answered, token, task.waits_for_token)
        self._lambdas.invoke(task.arguments.function_name, task.arguments.payload(scope), answered)

    def _answered(self, token: str, waits_for_token: bool, answer: Answer) -> None:
        if answer.error is not None:
            self._fail_if_waiting(token, answer.error, answer.cause)
        elif token not in self._waiting:
            return
        elif waits_for_token:
            self._has_room(self._waiting[token], 1)  # submitted
        else:
            result = {"ExecutedVersion": "$LATEST", "Payload": answer.payload, "StatusCode": 200}
            self._succeeded(self._waiting[token], result)

    def _fail_if_waiting(self, token: str, error: str, cause: str | None) -> None:
        if token in self._waiting:
            self._failed(self._waiting[token], error, cause)

    def _succeeded(self, execution: Execution, result: Any) -> None:
        self._stop_waiting(execution)
        if self._has_room(execution, 1):  # the try succeeded
            self._go(execution, self._task(execution), self._scope(execution, result=result), result)

    def _failed(self, execution: Execution, error: str, cause: str | None) -> None:
        self._stop_waiting(execution)
        if not self._has_room(execution, 1):  # the try failed, or was timed out
            return
        task = self._task(execution)
        retrier = task.retrier(error)
        if retrier is not None and execution.retries.get(retrier, 0) < retrier.max_attempts:
            self._try_again(execution, task, retrier)
            return
        # Step Functions gives no cause for a time-out.
        output = {"Error": error} if cause is None else {"Error": error, "Cause": cause}
        catcher = task.catcher(error)
        if catcher is None:
            self._fail(execution, error, cause or "")
            return
        self._go(execution, catcher, self._scope(execution, errorOutput=output), output)

    def _try_again(self, execution: Execution, task: Task, retrier: Retrier) -> None:
        retries = execution.retries.get(retrier, 0)
        execution.retries[retrier] = retries + 1
        self.transitions += 1
        delay = retrier.delay(retries)
        delay = self._chance.between(0.0, delay) if retrier.jitter_strategy == "FULL" else delay
        execution.timer = self._clock.after(delay, partial(self._try, execution, task))

    def _fail(self, execution: Execution, error: str, cause: str) -> None:
        execution.error = (error, cause)
        self._finish(execution, "FAILED")

    def _finish(self, execution: Execution, status: str) -> None:
        self._stop_waiting(execution)
        execution.history += 1
        execution.status = status
        execution.ended = self._clock.seconds
        for observer in self.on_end:
            observer(execution)

    def _stop_waiting(self, execution: Execution) -> None:
        if execution.token is not None:
            self._waiting.pop(execution.token, None)
            execution.token = None
        if execution.timer is not None:
            execution.timer.cancel()
            execution.timer = None

    def _has_room(self, execution: Execution, events: int) -> bool:
        """Writes events into the execution's history; where that is full it ends the execution, and says so."""
        if execution.history + events >= MOST_EVENTS:
            execution.history = MOST_EVENTS - 1
            self._fail(execution, *HISTORY_FULL)
            return False
        execution.history += events
        return True

    def _task(self, execution: Execution) -> Task:
        return cast("Task", self._definition.states[execution.state])
