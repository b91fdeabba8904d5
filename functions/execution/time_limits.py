"""How long scripts, and commands that no machine has taken yet, may take."""

from __future__ import annotations

from functions.jobs.job import Job

# How long a machine can fetch payload, spec and input once it has its command: the largest input at a tenth of the
# smallest instance type's bandwidth, with time for retries.
_FETCH_SECONDS = 600


def fetch_seconds(boot_timeout: int) -> int:
    """How long the addresses of what a command fetches are valid: a machine that takes it later can do nothing."""
    return boot_timeout + _FETCH_SECONDS


def script_seconds(job: Job, default: int) -> int:
    """The job's own time-out, or else the stack's `default`, in seconds."""
    minutes = job.overrides.timeout_minutes
    return default if minutes is None else minutes * 60
