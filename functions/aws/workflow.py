"""The Step Functions state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from functions.jobs.job import Run

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# SendTaskFailure, Step Functions API reference.
_MAX_CAUSE = 32_768


class StepFunctionsWorkflow:
    """functions.jobs.ports.Workflow over Step Functions."""

    def __init__(self, client: SFNClient, state_machine_arn: str = "") -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, run: Run, attempt: int) -> None:
        given = {"owner": run.owner, "job_id": run.job_id, "run": run.number, "attempt": attempt}
        try:
            # The name makes it one execution per run: names stay taken for 90 days after an execution ended.
            self._client.start_execution(stateMachineArn=self._arn, name=run.name, input=json.dumps(given))
        except self._client.exceptions.ExecutionAlreadyExists:
            return

    def state(self, run: Run) -> str | None:
        execution = self._arn.replace(":stateMachine:", ":execution:") + f":{run.name}"
        try:
            return self._client.describe_execution(executionArn=execution)["status"]
        except self._client.exceptions.ExecutionDoesNotExist:
            return None

    def wake(self, token: str, output: Mapping[str, str] | None = None) -> bool:
        try:
            self._client.send_task_success(taskToken=token, output=json.dumps(output or {}))
        except (self._client.exceptions.TaskTimedOut, self._client.exceptions.TaskDoesNotExist):
            return False  # the wait is over already: timed out, or ended by another event
        return True

    def fail(self, token: str, error: str, cause: str) -> bool:
        try:
            self._client.send_task_failure(taskToken=token, error=error, cause=cause[:_MAX_CAUSE])
        except (self._client.exceptions.TaskTimedOut, self._client.exceptions.TaskDoesNotExist):
            return False
        return True
