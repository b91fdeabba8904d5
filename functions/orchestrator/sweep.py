"""Sweep: on a schedule, and at once when a workflow ended without having finished."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.machines import AwsMachines
from functions.aws.workflow import StepFunctionsWorkflow
from functions.jobs.sweeping import Sweeping
from functions.orchestrator.settings import SweepSettings
from functions.orchestrator.step import logger


@cache
def sweeping() -> Sweeping:
    settings, clients = SweepSettings.from_env(os.environ), Clients()
    return Sweeping(
        jobs=DynamoJobTable(clients.dynamodb, settings.jobs_table),
        machines=AwsMachines(clients),
        workflow=StepFunctionsWorkflow(clients.stepfunctions, settings.state_machine_arn),
        stack=settings.stack,
        grace=timedelta(seconds=settings.grace_seconds),
        machine_deadline=timedelta(seconds=settings.machine_deadline_seconds),
    )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    logger.append_keys(step="sweep")
    if event.get("detail-type") == "Step Functions Execution Status Change":
        job, state = json.loads(event["detail"]["input"]), event["detail"]["status"]
        logger.append_keys(job_id=job["job_id"])
        report = sweeping().workflow_ended(job["owner"], job["job_id"], state)
    else:
        report = sweeping().sweep()
    logger.info("swept", extra=asdict(report))
    return asdict(report)
