"""The table's stream: a job that begins to wait starts an execution; a failing record is logged and answered alone."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from functions.aws.clients import Clients
from functions.aws.metrics import EmfMetrics
from functions.aws.workflow import StepFunctionsWorkflow
from functions.jobs.job import Run
from functions.jobs.ports import Workflow
from functions.lambda_handler import lambda_handler
from functions.monitoring.metrics import STARTS_FAILED, MetricsSink
from functions.orchestrator.settings import StreamSettings
from functions.orchestrator.step import logger


@cache
def workflow() -> Workflow:
    return StepFunctionsWorkflow(Clients().stepfunctions, StreamSettings.from_env(os.environ).state_machine_arn)


@cache
def metrics() -> MetricsSink:
    return EmfMetrics(StreamSettings.from_env(os.environ).stack)


def start_job(record: DynamoDBRecord) -> None:
    """Starts the execution of a job's run. Records come more than once: the execution's name makes it one."""
    job = (record.dynamodb and record.dynamodb.new_image) or {}
    try:
        run = Run(job["owner"], job["id"], int(job["run"]))
        logger.info("job queued", extra={"job_id": run.job_id, "run": run.number})
        workflow().start(run, int(job["attempts"]) + 1)
    except Exception:
        # The batch processor makes this a record of the answer, without a word (powertools, utilities/batch/base.py).
        logger.exception("the job's workflow was not started", extra={"job_id": job.get("id")})
        metrics().record([STARTS_FAILED.of(1)])
        raise


@lambda_handler(logger)
def handler(event: dict[str, Any], context: Any) -> Any:
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=start_job, processor=processor, context=context)
