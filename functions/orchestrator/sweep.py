"""Sweep: on a schedule, and at once when a workflow ended without having finished."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_files import S3JobFiles
from functions.aws.machine_log import CloudWatchMachineLog
from functions.aws.machines import AwsMachines
from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.metrics import EmfMetrics
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.sweep_position import DynamoSweepPosition
from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.aws.workflow import StepFunctionsWorkflow
from functions.cleanup.deletion import Purger
from functions.cleanup.sweeper import Sweeper, SweepIncomplete
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import SweepSettings
from functions.orchestrator.step import logger, run_of
from functions.scheduling.launch_queue import LaunchQueue

# A machine takes up to a minute to end.
_CONFIRM_WAITS = (0.5, 1, 2, 4, 8, 15, 30)


@cache
def sweeper() -> Sweeper:
    settings, clients = SweepSettings.from_env(os.environ), Clients()
    workflow = StepFunctionsWorkflow(clients.stepfunctions, settings.state_machine_arn)
    metrics = EmfMetrics(settings.stack)
    jobs = MeasuredJobTable(clients.dynamodb, settings.jobs_table, metrics)
    files = S3JobFiles(
        clients.s3,
        uploads_bucket=settings.uploads_bucket,
        outputs_bucket=settings.outputs_bucket,
        artifacts_bucket=settings.artifacts_bucket,
    )
    return Sweeper(
        jobs=jobs,
        queue=LaunchQueue(DynamoSchedulingTable(clients.dynamodb, settings.jobs_table), workflow),
        machines=AwsMachines(clients),
        stack=settings.stack,
        grace=timedelta(seconds=settings.grace_seconds),
        machine_deadline=timedelta(seconds=settings.machine_deadline_seconds),
        confirm_waits=_CONFIRM_WAITS,
        sleep=time.sleep,
        metrics=metrics,
        pool=DynamoWarmPoolTable(clients.dynamodb, settings.jobs_table) if settings.pool_size else None,
        purger=Purger(jobs, files, CloudWatchMachineLog(clients.logs, settings.machine_log_group)),
        position=DynamoSweepPosition(clients.dynamodb, settings.jobs_table),
        prices=settings.spending.prices,
    )


@lambda_handler(logger)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logger.append_keys(step="sweep")
    if event.get("detail-type") == "Step Functions Execution Status Change":
        run = run_of(json.loads(event["detail"]["input"]))
        logger.append_keys(job_id=run.job_id)
        report = sweeper().run_ended(run, event["detail"]["status"])
    else:
        try:
            report = sweeper().sweep(lambda: context.get_remaining_time_in_millis() / 1000)
        except SweepIncomplete as error:
            logger.warning("swept", extra=asdict(error.report))
            raise
    logger.info("swept", extra=asdict(report))
    return asdict(report)
