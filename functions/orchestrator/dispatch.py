"""Dispatch: the attempt's command, sent to its machine once that is online."""

from __future__ import annotations

import os
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_files import S3JobFiles
from functions.aws.job_table import DynamoJobTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.machines import AwsMachines
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.execution.dispatch_step import BootWait, DispatchStep
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import DispatchSettings
from functions.orchestrator.step import log_step, logger, run_of

# Bundled next to functions/, as in the repository.
_BOOTSTRAP = Path(__file__).parents[2] / "ec2_payload" / "bootstrap.py"

# Waiting a moment here is cheaper than a state of the workflow: a transition costs as much as seconds of this function.
_ONLINE_WAITS = (0.1, 0.2, 0.4, 0.8)


@cache
def dispatch_step() -> DispatchStep:
    settings, clients = DispatchSettings.from_env(os.environ), Clients()
    return DispatchStep(
        jobs=DynamoJobTable(clients.dynamodb, settings.jobs_table),
        queue=DynamoSchedulingTable(clients.dynamodb, settings.jobs_table),
        reader=DynamoRunReader(clients.dynamodb, settings.jobs_table),
        machine_table=DynamoMachineTable(clients.dynamodb, settings.jobs_table),
        machines=AwsMachines(clients, log_group=settings.machine_log_group),
        files=S3JobFiles(
            clients.s3,
            settings.uploads_bucket,
            settings.outputs_bucket,
            artifacts_bucket=settings.artifacts_bucket,
            payload_key=settings.payload_key,
        ),
        stack=settings.stack,
        bootstrap=_BOOTSTRAP.read_text(encoding="utf-8"),
        payload_sha256=settings.payload_sha256,
        script=settings.script,
        job_timeout=settings.job_timeout_seconds,
        transfer_allowance=settings.transfer_seconds,
        online_waits=_ONLINE_WAITS,
        sleep=time.sleep,
        boot_timeout=settings.boot_timeout_seconds,
    )


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    log_step("dispatch", event["job_id"], instance_id=event["instance_id"], retries=event["retries"])
    command_id = dispatch_step().dispatch(
        run_of(event),
        int(event["attempt"]),
        event["instance_id"],
        BootWait(float(event["poll_seconds"]), datetime.fromisoformat(event["online_at"])),
        event["stored_after"] or None,
    )
    return {"command_id": command_id}
