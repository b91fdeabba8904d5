"""A job as the API answers it."""

from __future__ import annotations

from typing import Any

Job = dict[str, Any]

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_SHORT = 6
_STATES = {"succeeded": "has succeeded", "failed": "has failed", "cancelled": "was cancelled"}


def short_id(job: Job) -> str:
    """The end of its id, which commands take as well; the beginning is the time, so jobs of a day share it."""
    return str(job["id"])[-_SHORT:]


def state(job: Job) -> str:
    """Its status in a sentence, such as `was cancelled`."""
    return _STATES.get(job["status"], f"is {job['status']}")
