"""Terminate: no machine of the job is left, and that is confirmed."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.machines import AwsMachines
from functions.jobs.ending import Terminating
from functions.orchestrator.settings import TableSettings
from functions.orchestrator.step import log_step, logger


@cache
def terminating() -> Terminating:
    settings, clients = TableSettings.from_env(os.environ), Clients()
    return Terminating(DynamoJobTable(clients.dynamodb, settings.jobs_table), AwsMachines(clients))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("terminate", event["job_id"])
    return {"terminated": terminating().terminate(event["owner"], event["job_id"], event.get("instance_id"))}
