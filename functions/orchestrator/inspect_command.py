"""Inspect: how far the command is, and whether its machine still lives."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.machines import AwsMachines
from functions.execution.inspect_step import InspectStep
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import InspectSettings
from functions.orchestrator.step import log_step, logger, run_of


@cache
def inspect_step() -> InspectStep:
    settings, clients = InspectSettings.from_env(os.environ), Clients()
    return InspectStep(
        DynamoJobTable(clients.dynamodb, settings.jobs_table),
        AwsMachines(clients),
        settings.job_timeout_seconds,
        settings.boot_timeout_seconds,
    )


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("inspect", event["job_id"], instance_id=event["instance_id"], command_id=event["command_id"])
    outcome = inspect_step().inspect(run_of(event), event["instance_id"], event["command_id"])
    logger.info("inspected", extra={"verdict": outcome.verdict, "code": outcome.code})
    return asdict(outcome)
