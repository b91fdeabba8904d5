"""Reads the instance state that EC2 shows for a job's machine."""

from __future__ import annotations

from datetime import timedelta

from functions.jobs import clock
from functions.jobs.job import Job

ALIVE = {"pending", "running"}
TERMINATING = {"shutting-down", "terminated"}
ENDED = TERMINATING | {"stopping", "stopped"}
# For so long EC2 may still show an instance's previous state.
EC2_STATE_DELAY = timedelta(seconds=30)
# For so long EC2 may not show a new machine.
_NOT_SHOWN_YET = timedelta(minutes=2)


def because(reason: str | None) -> str:
    """The end of a sentence that says that a machine is gone."""
    return f" ({reason})" if reason else ""


def is_pooled(job: Job) -> bool:
    """Whether the job's latest machine waited in the pool."""
    latest = job.machine(job.instance_id)
    return latest is not None and latest.prepared_at is not None


def may_only_seem_down(job: Job, state: str | None) -> bool:
    """Whether EC2 may not show a new instance yet, or still shows a pooled one as it was before its start."""
    latest = job.machine(job.instance_id)
    if latest is None:
        return False
    age = clock.age(latest.launched_at)
    return (
        age < _NOT_SHOWN_YET
        if state is None
        else state in {"stopping", "stopped"} and age < EC2_STATE_DELAY and is_pooled(job)
    )
