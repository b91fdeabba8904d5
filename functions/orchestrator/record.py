"""Record: the outcome, written to the job: what Inspect found, or the error that ended the workflow's way.

Finish calls the same function: it inspects the command itself, and terminates the machine.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from functions.aws.clients import Clients
from functions.aws.job_files import S3JobFiles
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.machines import AwsMachines
from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.metrics import EmfMetrics
from functions.aws.workflow import StepFunctionsWorkflow
from functions.cleanup.finish_step import FinishStep
from functions.cleanup.termination_batcher import THROTTLE_WAITS, TerminationBatcher
from functions.execution.inspect_step import InspectStep
from functions.execution.outcome import Outcome
from functions.execution.record_step import RecordStep
from functions.jobs.job import TimelineEvent
from functions.jobs.provenance import Reported
from functions.lambda_handler import lambda_handler
from functions.orchestrator.settings import RecordSettings
from functions.orchestrator.step import log_step, logger, run_of


@cache
def record_step() -> RecordStep:
    settings, clients = RecordSettings.from_env(os.environ), Clients()
    return RecordStep(
        MeasuredJobTable(clients.dynamodb, settings.jobs_table, EmfMetrics(settings.stack)),
        S3JobFiles(clients.s3, "", settings.outputs_bucket),
        settings.mayfly_version,
    )


@cache
def finish_step() -> FinishStep:
    settings, clients = RecordSettings.from_env(os.environ), Clients()
    record, machines = record_step(), AwsMachines(clients)
    machine_table = DynamoMachineTable(clients.dynamodb, settings.jobs_table)
    return FinishStep(
        inspect=InspectStep(record.jobs, machines, settings.job_timeout_seconds, settings.boot_timeout_seconds),
        record=record,
        machine_table=machine_table,
        batcher=TerminationBatcher(machine_table, machines, THROTTLE_WAITS, time.sleep),
        workflow=StepFunctionsWorkflow(clients.stepfunctions),
        sleep=time.sleep,
    )


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any] | None:
    log_step("record", event["job_id"])
    if "task_token" in event:
        finish_step().finish(
            run_of(event), int(event["attempt"]), event["instance_id"], event["command_id"], event["task_token"]
        )
        return None
    if "error" in event:
        job = record_step().broken(run_of(event), event["error"], event["cause"])
    else:
        job = record_step().finished(run_of(event), int(event["attempt"]), _outcome(event["outcome"]))
    logger.info("recorded", extra={"status": job.status})
    return {"status": job.status.value}


def _outcome(found: dict[str, Any]) -> Outcome:
    events = tuple(TimelineEvent(**event) for event in found["events"])
    return Outcome(found["verdict"], found["code"], found["message"], events, Reported.read(found["reported"]))
