"""Launch: a machine for one attempt of a job."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.machines import AwsMachines
from functions.jobs.launching import Launching, candidates
from functions.orchestrator.settings import LaunchSettings
from functions.orchestrator.step import log_step, logger


@cache
def launching() -> Launching:
    settings, clients = LaunchSettings.from_env(os.environ), Clients()
    return Launching(
        jobs=DynamoJobTable(clients.dynamodb, settings.jobs_table),
        machine_table=DynamoMachineTable(clients.dynamodb, settings.jobs_table),
        machines=AwsMachines(clients, launch_template_id=settings.launch_template_id),
        candidates=candidates(settings.markets, settings.instance_types, settings.subnet_ids),
        stack=settings.stack,
    )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("launch", event["job_id"], attempt=event["attempt"])
    instance = launching().launch(event["owner"], event["job_id"], int(event["attempt"]))
    return {"instance_id": instance.instance_id, "zone": instance.zone, "image_id": instance.image_id}
