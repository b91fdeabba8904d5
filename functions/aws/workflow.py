"""The Step Functions state machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StepFunctionsWorkflow:
    """functions.jobs.ports.Workflow over Step Functions."""

    def __init__(self, client: SFNClient, state_machine_arn: str = "") -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, owner: str, job_id: str) -> None:
        try:
            # The name makes it one execution per job: names stay taken for 90 days after an execution ended.
            self._client.start_execution(
                stateMachineArn=self._arn, name=job_id, input=json.dumps({"owner": owner, "job_id": job_id})
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return

    def state(self, job_id: str) -> str | None:
        execution = self._arn.replace(":stateMachine:", ":execution:") + f":{job_id}"
        try:
            return self._client.describe_execution(executionArn=execution)["status"]
        except self._client.exceptions.ExecutionDoesNotExist:
            return None

    def wake(self, token: str) -> None:
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except (self._client.exceptions.TaskTimedOut, self._client.exceptions.TaskDoesNotExist):
            return  # the wait is over already: timed out, or woken by another event
