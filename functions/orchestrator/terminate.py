"""Terminate: ends the run's machines, and waits until EC2 reports the end."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_table import DynamoJobTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.machines import AwsMachines
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.workflow import StepFunctionsWorkflow
from functions.cleanup.run_machines import RunMachines
from functions.cleanup.terminate_step import TerminateStep
from functions.cleanup.termination_batcher import THROTTLE_WAITS, TerminationBatcher
from functions.jobs.ports import JobTable
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import TableSettings
from functions.orchestrator.step import log_step, logger, run_of
from functions.scheduling.launch_queue import LaunchQueue


def ends(clients: Clients, jobs: JobTable) -> RunMachines:
    table = TableSettings.from_env(os.environ).jobs_table
    queue = LaunchQueue(DynamoSchedulingTable(clients.dynamodb, table), StepFunctionsWorkflow(clients.stepfunctions))
    return RunMachines(jobs, queue, AwsMachines(clients), DynamoRunReader(clients.dynamodb, table))


@cache
def terminate_step() -> TerminateStep:
    clients, table = Clients(), TableSettings.from_env(os.environ).jobs_table
    machine_table = DynamoMachineTable(clients.dynamodb, table)
    batcher = TerminationBatcher(machine_table, AwsMachines(clients), THROTTLE_WAITS, time.sleep)
    return TerminateStep(ends(clients, DynamoJobTable(clients.dynamodb, table)), machine_table, batcher)


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> None:
    log_step("terminate", event["job_id"])
    terminate_step().terminate(run_of(event), event["instance_id"] or None, event["task_token"])
