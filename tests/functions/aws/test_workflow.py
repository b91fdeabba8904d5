from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.aws.workflow import StepFunctionsWorkflow
from functions.jobs.job import Run
from tests.functions.aws.stubbed import stubbed
from tests.functions.fakes.job_table import JOB_ID, RUN

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:mayfly-dev"
RETRIED = Run("alice", JOB_ID, 3)


class Stubbed:
    def __init__(self) -> None:
        client, self.stub = stubbed("stepfunctions")
        self.workflow = StepFunctionsWorkflow(client, ARN)


@pytest.fixture
def aws() -> Iterator[Stubbed]:
    made = Stubbed()
    yield made
    made.stub.assert_no_pending_responses()


@pytest.mark.parametrize(("run", "name"), [(RUN, JOB_ID), (RETRIED, f"{JOB_ID}-3")])
def test_each_run_is_an_execution_of_its_own_name(aws: Stubbed, run: Run, name: str) -> None:
    given = {"owner": "alice", "job_id": JOB_ID, "run": run.number, "attempt": 4}
    expected = {"stateMachineArn": ARN, "name": name, "input": json.dumps(given)}
    started = {"executionArn": "arn:e", "startDate": 0}
    aws.stub.add_response("start_execution", started, expected)
    aws.workflow.start(run, 4)
    assert len(name) <= 80, "Step Functions takes names of at most 80 characters"


def test_a_run_that_was_started_is_not_started_again(aws: Stubbed) -> None:
    aws.stub.add_client_error("start_execution", "ExecutionAlreadyExists")
    aws.workflow.start(RUN, 1)


@pytest.mark.parametrize("run", [RUN, RETRIED])
def test_the_state_is_that_of_the_runs_execution(aws: Stubbed, run: Run) -> None:
    execution = f"arn:aws:states:eu-central-1:123456789012:execution:mayfly-dev:{run.name}"
    answer = {"executionArn": execution, "stateMachineArn": ARN, "status": "RUNNING", "startDate": 0}
    aws.stub.add_response("describe_execution", answer, {"executionArn": execution})
    assert aws.workflow.state(run) == "RUNNING"


def test_a_run_that_was_never_started_has_no_state(aws: Stubbed) -> None:
    aws.stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert aws.workflow.state(RUN) is None


@pytest.mark.parametrize(("output", "sent"), [(None, "{}"), ({"instance_id": "i-1"}, '{"instance_id": "i-1"}')])
def test_a_wait_goes_on_with_what_it_waited_for(aws: Stubbed, output: dict[str, str] | None, sent: str) -> None:
    aws.stub.add_response("send_task_success", {}, {"taskToken": "token", "output": sent})
    assert aws.workflow.wake("token", output)


@pytest.mark.parametrize(("cause", "sent"), [("16 vCPUs", "16 vCPUs"), ("x" * 40_000, "x" * 32_768)])
def test_a_wait_fails_with_a_name_and_as_much_of_the_reason_as_step_functions_takes(
    aws: Stubbed, cause: str, sent: str
) -> None:
    expected = {"taskToken": "token", "error": "QuotaExceeded", "cause": sent}
    aws.stub.add_response("send_task_failure", {}, expected)
    assert aws.workflow.fail("token", "QuotaExceeded", cause)


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_a_token_that_waits_no_more_is_answered_as_such(aws: Stubbed, code: str) -> None:
    aws.stub.add_client_error("send_task_success", code)
    assert not aws.workflow.wake("token")
    aws.stub.add_client_error("send_task_failure", code)
    assert not aws.workflow.fail("token", "CapacityAvailable", "there may be room")


@pytest.mark.parametrize("operation", ["send_task_success", "send_task_failure"])
def test_any_other_refusal_is_raised(aws: Stubbed, operation: str) -> None:
    aws.stub.add_client_error(operation, "AccessDeniedException")
    answer: Any = aws.workflow.wake if operation == "send_task_success" else aws.workflow.fail
    with pytest.raises(ClientError, match="AccessDenied"):
        answer(*["token", {}] if operation == "send_task_success" else ["token", "CapacityAvailable", "room"])
