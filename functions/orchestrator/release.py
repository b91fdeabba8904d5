"""Release: no machine of the run is left, that is confirmed, and its slot goes to the next in the queue."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.metrics import EmfMetrics
from functions.cleanup.release_step import ReleaseStep
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import ReleaseSettings
from functions.orchestrator.step import log_step, logger, run_of
from functions.orchestrator.terminate import ends


@cache
def release_step() -> ReleaseStep:
    clients, settings = Clients(), ReleaseSettings.from_env(os.environ)
    jobs = MeasuredJobTable(clients.dynamodb, settings.jobs_table, EmfMetrics(settings.stack))
    return ReleaseStep(ends(clients, jobs), DynamoMachineTable(clients.dynamodb, settings.jobs_table))


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("release", event["job_id"])
    released = release_step().release(run_of(event), event["instance_id"] or None, event["ended"] or None)
    return {"terminated": released.machines, "job": released.summary()}
