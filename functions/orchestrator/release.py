"""Release: no machine of the run is left, that is confirmed, and its slot goes to the next in line."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.metrics import EmfMeter
from functions.jobs.ending import Releasing
from functions.jobs.measuring import MeasuredJobs
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import ReleaseSettings
from functions.orchestrator.step import log_step, logger, run_of
from functions.orchestrator.terminate import ends, machine_table


@cache
def releasing() -> Releasing:
    clients, settings = Clients(), ReleaseSettings.from_env(os.environ)
    found = ends(clients)
    measured = replace(found, jobs=MeasuredJobs(found.jobs, EmfMeter(settings.stack)))
    return Releasing(measured, machine_table(clients))


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("release", event["job_id"])
    return {"terminated": releasing().release(run_of(event), event["instance_id"] or None)}
