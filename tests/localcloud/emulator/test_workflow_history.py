"""What an execution's history holds, and that it ends (workflow_history.py has the sources)."""

from __future__ import annotations

from typing import Any

from tests.localcloud.emulator.harness import EmulatorHarness, task, waiting_task


def events(harness: EmulatorHarness, execution: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = harness.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"], **options)
    return list(answer["events"])


def test_a_task_writes_every_event_that_aws_counts(harness: EmulatorHarness) -> None:
    function = harness.function("def handler(event, context):\n    return {}\n")
    caught = [{"ErrorEquals": ["States.Timeout"], "Next": "Only"}]
    (waits,) = waiting_task(function, TimeoutSeconds="{% $states.input.wait %}", Catch=caught).values()
    execution = harness.execute({"Waits": waits, **task(function)}, given='{"wait": 1}')
    assert execution["status"] == "SUCCEEDED"
    assert [event["type"] for event in events(harness, execution)] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskTimedOut",
        "TaskStateExited",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_a_try_whose_function_fails_does_not_come_to_wait(harness: EmulatorHarness) -> None:
    function = harness.function("def handler(event, context):\n    raise ValueError\n")
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = harness.execute(waiting_task(function, Retry=retry))
    a_try = ["TaskScheduled", "TaskStarted", "TaskFailed"]
    assert [event["type"] for event in events(harness, execution)] == [
        "ExecutionStarted",
        "TaskStateEntered",
        *a_try,
        *a_try,
        "ExecutionFailed",
    ]


def test_an_execution_whose_history_is_full_fails_whatever_it_would_catch(harness: EmulatorHarness) -> None:
    """Measured on AWS, floci-io/floci issue 2734: the failure itself has the number 25,000."""
    execution = harness.execute({"Round": {"Type": "Pass", "Next": "Round"}})
    cause = "The execution reached the maximum number of history events (25000)."
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "States.Runtime", cause)
    last, before = events(harness, execution, reverseOrder=True, maxResults=2)
    assert (last["id"], last["type"], before["id"]) == (25_000, "ExecutionFailed", 24_999)
    assert last["executionFailedEventDetails"] == {"error": "States.Runtime", "cause": cause}
