"""What trials of a deployed stack have in common: what they ask of its API, and what they say of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from operations.job_client import Job, JobClient

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is as it should be, and what was seen."""

    name: str
    is_fine: bool
    seen: str


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait: for a job's end, for its machine's, and for a machine that a cancelled job may still get."""

    job: float = 900.0
    machine: float = 600.0
    cancelled: float = 30.0


Trial = Iterator[Check]


def succeeded(job: Job) -> Check:
    error = job.get("error") or {}
    reason = ". ".join(str(error[key]) for key in ("code", "message", "advice") if error.get(key))
    return Check("status", job["status"] == "succeeded", job["status"] + (f": {reason}" if reason else ""))


def once(client: JobClient, job_id: str, timeout: float, is_settled: Callable[[Job], bool]) -> Job:
    """The job once it is settled, or as it is when the time is over."""
    deadline = time.monotonic() + timeout
    while True:
        job = client.get(job_id)
        if is_settled(job) or time.monotonic() > deadline:
            return job
        time.sleep(POLL_SECONDS)


def cleaned_up(client: JobClient, job: Job) -> Check:
    client.delete(job["id"])
    return Check("clean-up", True, "the job's files and record are deleted")


def unconfirmed(job: Job) -> list[str]:
    return [each["instance_id"] for each in job["machines"] if not (each["terminated_at"] and each["verified"])]


def receipt(job: Job) -> Check:
    """Whether the job had machines, and each is confirmed terminated."""
    if not job["machines"]:
        return Check("receipt", False, "it has no machine")
    alive = unconfirmed(job)
    if alive:
        return Check("receipt", False, f"not confirmed terminated: {', '.join(alive)}; look at it in EC2")
    seen = (
        f"{each['instance_id']}, {each['instance_type']}, {each['market']}, terminated {each['terminated_at']}, "
        f"{each['verified']}"
        for each in job["machines"]
    )
    return Check("receipt", True, "; ".join(seen))
