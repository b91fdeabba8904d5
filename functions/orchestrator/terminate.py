"""Terminate: no machine of the run is left, that is confirmed, and its slot goes to the next in line."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.line_table import DynamoLineTable
from functions.aws.machines import AwsMachines
from functions.aws.workflow import StepFunctionsWorkflow
from functions.jobs.ending import Terminating
from functions.jobs.line import Line
from functions.orchestrator.settings import TableSettings
from functions.orchestrator.step import log_step, logger, run_of


@cache
def terminating() -> Terminating:
    settings, clients = TableSettings.from_env(os.environ), Clients()
    line = Line(DynamoLineTable(clients.dynamodb, settings.jobs_table), StepFunctionsWorkflow(clients.stepfunctions))
    return Terminating(DynamoJobTable(clients.dynamodb, settings.jobs_table), line, AwsMachines(clients))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("terminate", event["job_id"])
    return {"terminated": terminating().terminate(run_of(event), event["instance_id"] or None)}
