"""Pool: keeps machines ready that were up once and are stopped, on a schedule, where a stack has a pool."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.line_table import DynamoLineTable
from functions.aws.machines import AwsMachines
from functions.aws.pool_machines import AwsPoolMachines
from functions.aws.pool_table import DynamoPoolTable
from functions.jobs.pool import MARKET, PoolKeeping
from functions.jobs.serving import candidates
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import PoolSettings
from functions.orchestrator.step import logger


@cache
def keeping() -> PoolKeeping:
    settings, clients = PoolSettings.from_env(os.environ), Clients()
    return PoolKeeping(
        table=DynamoPoolTable(clients.dynamodb, settings.jobs_table),
        line=DynamoLineTable(clients.dynamodb, settings.jobs_table),
        machines=AwsMachines(clients, launch_template_id=settings.launch_template_id),
        pool_machines=AwsPoolMachines(clients),
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
    report = keeping().keep()
    logger.info("kept the pool", extra=asdict(report))
    return asdict(report)
