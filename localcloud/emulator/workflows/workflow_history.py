"""An execution's history with the events that AWS writes, and its end: AWS fails the execution with event 25,000.

Upstream MiniStack leaves out that a task was started and submitted, writes a time-out as a failure, and has no limit.
Nor does it know an expression as `TimeoutSeconds` (states-language.net, "Task State": in JSONata states it may be one).
Sources: Step Functions API reference, HistoryEvent; developer guide, "Quotas related to state machine executions"; the
last event as it was measured on AWS: floci-io/floci issue 2734.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

MOST_EVENTS = 25_000
_TIMED_OUT = "States.Timeout"


class HistoryFullError(Exception):
    """Ends an execution as `States.Runtime`, which no Retry and no Catch of `States.ALL` meets."""

    def __init__(self) -> None:
        super().__init__(f"The execution reached the maximum number of history events ({MOST_EVENTS}).")


def install() -> None:
    stepfunctions._add_event = _as_aws_writes_them(stepfunctions._add_event)
    stepfunctions._execute_task = _with_timeout_expressions(stepfunctions._execute_task)


def note_submitted(execution: dict[str, Any]) -> None:
    """A task's function has answered, and the task begins to wait for its token."""
    task = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken"}
    stepfunctions._add_event(execution, "TaskSubmitted", {"taskSubmittedEventDetails": task})


def _as_aws_writes_them(upstream: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def write(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None) -> dict[str, Any]:
        # Its own failure is the one event that there is always room for.
        if len(execution["events"]) >= MOST_EVENTS - 1 and event_type != "ExecutionFailed":
            raise HistoryFullError
        return upstream(execution, event_type, details)

    def add_event(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
        failure = (details or {}).get("taskFailedEventDetails")
        if event_type == "TaskFailed" and failure and failure["error"] == _TIMED_OUT:
            return write(execution, "TaskTimedOut", {"taskTimedOutEventDetails": failure})
        event = write(execution, event_type, details)
        if event_type == "TaskScheduled" and details:
            task = details["taskScheduledEventDetails"]
            event = write(execution, "TaskStarted", {"taskStartedEventDetails": task})
        return event

    return add_event


def _with_timeout_expressions(upstream: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        timeout = state.get("TimeoutSeconds")
        if isinstance(timeout, str):
            seconds = stepfunctions._apply_jsonata_template(timeout, raw_input, context)
            state = {**state, "TimeoutSeconds": seconds}
        return upstream(state, raw_input, execution, context)

    return execute_task
