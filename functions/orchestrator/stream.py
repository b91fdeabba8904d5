"""The table's stream: a job that begins to wait starts an execution. A record that fails is answered alone."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from functions.aws.clients import Clients
from functions.aws.workflow import StepFunctionsWorkflow
from functions.jobs.job import Run
from functions.jobs.ports import Workflow
from functions.orchestrator.settings import StreamSettings

logger = Logger(service="orchestrator")


@cache
def workflow() -> Workflow:
    return StepFunctionsWorkflow(Clients().stepfunctions, StreamSettings.from_env(os.environ).state_machine_arn)


def start_job(record: DynamoDBRecord) -> None:
    """Starts the execution of a job's run. Records come more than once: the execution's name makes it one."""
    job = record.dynamodb.new_image if record.dynamodb else {}
    run = Run(job["owner"], job["id"], int(job["run"]))
    logger.info("job queued", extra={"job_id": run.job_id, "run": run.number})
    workflow().start(run, int(job["attempts"]) + 1)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Any:
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=start_job, processor=processor, context=context)
