"""What all step handlers share: the job they work for, in every log line."""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger(service="orchestrator")


def log_step(step: str, job_id: str, **facts: object) -> None:
    """Names the step and the job in this line and in every later one of the same invocation."""
    logger.append_keys(step=step, job_id=job_id, **facts)
    logger.info("step started")
