"""AwaitCompletion: stores the workflow's task token with the machine that it waits for."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.workflow import StepFunctionsWorkflow
from functions.execution.await_step import AwaitStep
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import TableSettings
from functions.orchestrator.step import log_step, logger


@cache
def await_step() -> AwaitStep:
    settings, clients = TableSettings.from_env(os.environ), Clients()
    return AwaitStep(
        DynamoMachineTable(clients.dynamodb, settings.jobs_table), StepFunctionsWorkflow(clients.stepfunctions)
    )


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> None:
    log_step("await", event["job_id"], instance_id=event["instance_id"])
    await_step().store_token(event["instance_id"], event["task_token"])
