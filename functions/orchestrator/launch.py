"""Launch: writes the run's queue entry; the lease holder launches for all entries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from functions.aws.clients import CONNECTIONS, Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.machines import AwsMachines
from functions.aws.metrics import EmfMetrics
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.warm_pool_machines import AwsWarmPoolMachines
from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.aws.workflow import StepFunctionsWorkflow
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import LaunchSettings
from functions.orchestrator.step import log_step, logger, run_of
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.launch_step import LaunchStep
from functions.scheduling.scheduler import Scheduler, candidates
from functions.scheduling.warm_pool import WarmPool

T = TypeVar("T")
# RunInstances gets two calls a second back: a few seconds here are cheaper than as many tries of the workflow's.
_THROTTLE_WAITS = (0.3, 0.6, 1.2, 2.4)


@cache
def launch_step() -> LaunchStep:
    settings, clients = LaunchSettings.from_env(os.environ), Clients()
    jobs = DynamoJobTable(clients.dynamodb, settings.jobs_table)
    queue = LaunchQueue(
        DynamoSchedulingTable(clients.dynamodb, settings.jobs_table), StepFunctionsWorkflow(clients.stepfunctions)
    )
    scheduler = Scheduler(
        jobs=jobs,
        queue=queue,
        machines=AwsMachines(
            clients, launch_template_id=settings.launch_template_id, metrics=EmfMetrics(settings.stack)
        ),
        candidates=candidates(settings.markets, settings.instance_types, settings.subnet_ids),
        stack=settings.stack,
        max_concurrent=settings.max_concurrent_jobs,
        queue_timeout=timedelta(seconds=settings.queue_timeout_seconds),
        throttle_waits=_THROTTLE_WAITS,
        sleep=time.sleep,
        for_each=for_each,
        spending=settings.spending,
        pool=_pool(settings, clients) if settings.pool_size else None,
    )
    return LaunchStep(jobs, queue, scheduler, DynamoRunReader(clients.dynamodb, settings.jobs_table))


def _pool(settings: LaunchSettings, clients: Clients) -> WarmPool:
    return WarmPool(
        table=DynamoWarmPoolTable(clients.dynamodb, settings.jobs_table),
        machines=AwsWarmPoolMachines(clients),
        instance_type=settings.instance_types[0],
    )


def for_each(work: Callable[[T], object], things: Sequence[T]) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in threads.map(work, things):
            pass  # so that what was raised is raised here


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> None:
    log_step("launch", event["job_id"], attempt=event["attempt"])
    launch_step().run(
        run_of(event), int(event["attempt"]), event["task_token"], int(event["asks"]), int(event["redrives"])
    )
