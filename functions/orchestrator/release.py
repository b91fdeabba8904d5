"""Release: no machine of the run is left, that is confirmed, and its slot goes to the next in the queue."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.metrics import EmfMetrics
from functions.cleanup.release_step import ReleaseStep
from functions.lambda_handler import lambda_handler
from functions.monitoring.metrics import MeasuredJobTable
from functions.orchestrator.settings import ReleaseSettings
from functions.orchestrator.step import log_step, logger, run_of
from functions.orchestrator.terminate import ends, machine_table


@cache
def release_step() -> ReleaseStep:
    clients, settings = Clients(), ReleaseSettings.from_env(os.environ)
    found = ends(clients)
    measured = replace(found, jobs=MeasuredJobTable(found.jobs, EmfMetrics(settings.stack)))
    return ReleaseStep(measured, machine_table(clients))


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("release", event["job_id"])
    # Executions that began before an upgrade lack the last one.
    released = release_step().release(run_of(event), event["instance_id"] or None, event.get("ended") or None)
    return {"terminated": released.machines, "job": released.summary()}
