"""How long a script may run."""

from __future__ import annotations

from functions.jobs.job import Job


def script_seconds(job: Job, default: int) -> int:
    """The job's own time-out, or else the stack's `default`, in seconds."""
    minutes = job.overrides.timeout_minutes
    return default if minutes is None else minutes * 60
