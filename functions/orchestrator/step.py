"""Logging of all step handlers: every log line names the step and the job."""

from __future__ import annotations

import logging
from typing import Any

from aws_lambda_powertools import Logger

from functions.jobs.job import Run

logger = Logger(service="orchestrator")
# Log lines of the core (functions/jobs/isolation.py) get the same form and the same keys.
logging.getLogger("mayfly").addHandler(logger.registered_handler)


def log_step(step: str, job_id: str, **facts: object) -> None:
    """Names the step and the job in this line and in every later one of the same invocation."""
    logger.append_keys(step=step, job_id=job_id, **facts)
    logger.info("step started")


def run_of(event: dict[str, Any]) -> Run:
    """The run that a step's input, or the execution's, is about."""
    return Run(event["owner"], event["job_id"], int(event["run"]))
