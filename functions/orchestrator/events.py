"""EventBridge: an event about a machine or its command wakes the workflow that waits for it; Inspect reads details."""

from __future__ import annotations

from typing import Any

from functions.lambda_handler import lambda_handler
from functions.orchestrator.await_completion import await_step
from functions.orchestrator.step import logger


def describe(event: dict[str, Any]) -> str:
    """The event in a few words: the command's status, the machine's state or the spot warning's action."""
    detail = event["detail"]
    happened = detail.get("status") or detail.get("state") or detail.get("instance-action") or "unknown"
    return f"{event['detail-type']}: {happened}"


@lambda_handler(logger)
def handler(event: dict[str, Any], _context: Any) -> None:
    instance_id = event["detail"]["instance-id"]
    logger.append_keys(step="events", instance_id=instance_id)
    is_end = event["detail"].get("state") == "terminated"
    machine = await_step().report(instance_id, describe(event), is_end=is_end)
    if machine:
        logger.append_keys(job_id=machine.job_id)
        logger.info("machine event", extra={"event": describe(event)})
    else:
        logger.info("not a machine of this stack")
