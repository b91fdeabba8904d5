"""Terminate: ends the run's machines, and waits until EC2 reports the end."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.line_table import DynamoLineTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.machines import AwsMachines
from functions.aws.workflow import StepFunctionsWorkflow
from functions.jobs.ending import Ends, Terminating
from functions.jobs.line import Line
from functions.jobs.terminations import Terminations
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import TableSettings
from functions.orchestrator.step import log_step, logger, run_of

# TerminateInstances gets five calls a second back.
_THROTTLE_WAITS = (0.4, 0.8, 1.6)


def ends(clients: Clients) -> Ends:
    table = TableSettings.from_env(os.environ).jobs_table
    line = Line(DynamoLineTable(clients.dynamodb, table), StepFunctionsWorkflow(clients.stepfunctions))
    return Ends(DynamoJobTable(clients.dynamodb, table), line, AwsMachines(clients))


@cache
def terminating() -> Terminating:
    clients = Clients()
    table = machine_table(clients)
    return Terminating(ends(clients), table, Terminations(table, AwsMachines(clients), _THROTTLE_WAITS, time.sleep))


def machine_table(clients: Clients) -> DynamoMachineTable:
    return DynamoMachineTable(clients.dynamodb, TableSettings.from_env(os.environ).jobs_table)


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> None:
    log_step("terminate", event["job_id"])
    terminating().terminate(run_of(event), event["instance_id"] or None, event["task_token"])
