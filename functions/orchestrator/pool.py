"""Pool: keeps machines ready that were up once and are stopped, on a schedule, where a stack has a pool."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.machines import AwsMachines
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.warm_pool_machines import AwsWarmPoolMachines
from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import PoolSettings
from functions.orchestrator.step import logger
from functions.scheduling.scheduler import candidates
from functions.scheduling.warm_pool import MARKET, WarmPoolReconciler


@cache
def reconciler() -> WarmPoolReconciler:
    settings, clients = PoolSettings.from_env(os.environ), Clients()
    return WarmPoolReconciler(
        table=DynamoWarmPoolTable(clients.dynamodb, settings.jobs_table),
        queue=DynamoSchedulingTable(clients.dynamodb, settings.jobs_table),
        machines=AwsMachines(clients, launch_template_id=settings.launch_template_id),
        pool_machines=AwsWarmPoolMachines(clients),
        candidates=candidates([MARKET], [settings.instance_type], settings.subnet_ids),
        stack=settings.stack,
        size=settings.pool_size,
        grace=timedelta(seconds=settings.grace_seconds),
        ready_within=timedelta(seconds=settings.ready_within_seconds),
        settle=timedelta(seconds=settings.settle_seconds),
    )


@lambda_handler(logger)
def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    logger.append_keys(step="pool")
    report = reconciler().reconcile()
    logger.info("kept the pool", extra=asdict(report))
    return asdict(report)
