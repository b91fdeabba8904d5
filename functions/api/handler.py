"""The API as a Lambda function. The only file that knows Mangum."""

from __future__ import annotations

import logging
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from functions.api import quick_start
from functions.api.app import API_PREFIX, create_app
from functions.api.problems import MEDIA_TYPE as PROBLEM
from functions.api.settings import ApiSettings
from functions.aws.clients import Clients
from functions.aws.job_files import S3JobFiles
from functions.aws.machine_log import CloudWatchMachineLog
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.metrics import EmfMetrics
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.usage_table import DynamoUsageTable
from functions.aws.user_pool import CognitoUsers
from functions.aws.workflow import StepFunctionsWorkflow
from functions.lambda_handler import lambda_handler
from functions.scheduling.launch_queue import LaunchQueue
from functions.submission.submission import Submission
from functions.submission.users import NoUsers

if TYPE_CHECKING:
    from fastapi import FastAPI  # at run time only after quick_start

logger = Logger(service="api")
# Starlette raises an unexpected error again after problems.py has logged and answered it; Mangum would log it once
# more, as plain text without the job.
logging.getLogger("mangum.http").setLevel(logging.CRITICAL)
# Jobs and uploads go by the same id. One that cannot be an id is left to the routes, and out of the log's field.
_OF_JOB = re.compile(rf"{API_PREFIX}/(?:jobs|uploads)/([0-9a-f-]{{36}})(?:/|$)")


def submission(settings: ApiSettings, clients: Clients) -> Submission:
    return Submission(
        jobs=MeasuredJobTable(clients.dynamodb, settings.jobs_table, EmfMetrics(settings.stack)),
        machines=DynamoMachineTable(clients.dynamodb, settings.jobs_table),
        files=S3JobFiles(
            clients.s3, settings.uploads_bucket, settings.outputs_bucket, artifacts_bucket=settings.artifacts_bucket
        ),
        log=CloudWatchMachineLog(clients.logs, settings.machine_log_group),
        queue=LaunchQueue(
            DynamoSchedulingTable(clients.dynamodb, settings.jobs_table), StepFunctionsWorkflow(clients.stepfunctions)
        ),
        max_upload_bytes=settings.max_upload_bytes,
        keep_days=settings.keep_days,
        allowance=settings.allowance,
        output_suffix=settings.output_suffix,
        spending=settings.spending,
        quotas=settings.quotas,
        usage=DynamoUsageTable(clients.dynamodb, settings.jobs_table),
        users=CognitoUsers(clients.cognito_idp, settings.user_pool_id) if settings.user_pool_id else NoUsers(),
    )


@cache
def adapter() -> Mangum:
    """Built at the first request, so that importing this module needs no environment."""
    settings = ApiSettings.from_env(os.environ)
    return behind_api_gateway(create_app(submission(settings, Clients()), settings.auth))


def behind_api_gateway(app: FastAPI) -> Mangum:
    # What is not listed travels to API Gateway as base64.
    return Mangum(
        app,
        lifespan="off",
        api_gateway_base_path=API_PREFIX,
        text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, PROBLEM],
    )


@lambda_handler(logger)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if found := _OF_JOB.match(event["rawPath"]):
        logger.append_keys(job_id=found[1])
    answer: dict[str, Any] = adapter()(event, context)
    return answer


quick_start.finish()
