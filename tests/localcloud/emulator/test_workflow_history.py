"""What an execution's history holds, and that it ends (workflow_history.py has the sources)."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.localcloud.emulator.harness import EmulatorHarness, allow, wait_for

WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"
ANSWERS = "def handler(event, context):\n    return {}\n"
FAILS = "class NotYet(Exception): pass\ndef handler(event, context):\n    raise NotYet('wait')\n"


def run(harness: EmulatorHarness, *, start: str, **states: Any) -> dict[str, Any]:
    """The execution as it ended."""
    sfn, role = (
        harness.client("stepfunctions"),
        harness.role([allow(["lambda:InvokeFunction"])], "states.amazonaws.com"),
    )
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": start, "States": states})
    made = sfn.create_state_machine(name=f"machine-{uuid.uuid4().hex[:8]}", definition=definition, roleArn=role)
    execution = sfn.start_execution(stateMachineArn=made["stateMachineArn"], input='{"wait": 1}')["executionArn"]

    def ended() -> dict[str, Any] | None:
        found = sfn.describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else dict(found)

    return wait_for(ended, "the execution")


def events(harness: EmulatorHarness, execution: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    answer = harness.client("stepfunctions").get_execution_history(executionArn=execution["executionArn"], **options)
    return list(answer["events"])


def test_a_task_writes_every_event_that_aws_counts(harness: EmulatorHarness) -> None:
    function = harness.function(ANSWERS)
    invoke = {"FunctionName": function, "Payload": {}}
    caught = [{"ErrorEquals": ["States.Timeout"], "Next": "Last"}]
    waits = {"Type": "Task", "Resource": WAIT, "Arguments": invoke, "TimeoutSeconds": "{% $states.input.wait %}"}
    last = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": invoke, "End": True}
    execution = run(harness, start="Waits", Waits={**waits, "Catch": caught, "End": True}, Last=last)
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
    invoke = {"FunctionName": harness.function(FAILS), "Payload": {}}
    retry = [{"ErrorEquals": ["NotYet"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    waits = {"Type": "Task", "Resource": WAIT, "Arguments": invoke, "Retry": retry, "End": True}
    execution = run(harness, start="Waits", Waits=waits)
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
    again = {"Type": "Pass", "Next": "Round"}
    execution = run(harness, start="Round", Round=again)
    cause = "The execution reached the maximum number of history events (25000)."
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "States.Runtime", cause)
    last, before = events(harness, execution, reverseOrder=True, maxResults=2)
    assert (last["id"], last["type"], before["id"]) == (25_000, "ExecutionFailed", 24_999)
    assert last["executionFailedEventDetails"] == {"error": "States.Runtime", "cause": cause}
