"""Many jobs, submitted one right after the other."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from statistics import median

from operations.job_client import Job, JobClient
from operations.trials.trial import Check, Timeouts, Trial, once, succeeded, unconfirmed


def burst(client: JobClient, timeouts: Timeouts, count: int) -> Trial:
    """As `whole_job`; `timeouts.job` is for each of them.

    Raises:
        JobApiError: the API or the storage refused a request.
        TimeoutError: a job did not end in time.
    """
    ids = [client.submit(b"one of many", f"{number}.txt", "Of a burst.")["id"] for number in range(count)]
    yield Check("submit", True, f"{count} jobs, {ids[0]} to {ids[-1]}")
    jobs = [client.wait(job_id, timeouts.job) for job_id in ids]
    yield next(
        (check for job in jobs if not (check := succeeded(job)).is_fine), Check("status", True, "each succeeded")
    )
    jobs = [once(client, job_id, timeouts.machine, lambda each: not unconfirmed(each)) for job_id in ids]
    alive = [machine for job in jobs for machine in unconfirmed(job)]
    machines = [machine for job in jobs for machine in job["machines"]]
    kinds = Counter(f"{machine['instance_type']} {machine['market']}" for machine in machines)
    yield Check(
        "receipts",
        not alive,
        f"not confirmed terminated: {', '.join(alive)}; look at them in EC2"
        if alive
        else "each machine is confirmed terminated: " + ", ".join(f"{number} {kind}" for kind, number in kinds.items()),
    )
    waits = sorted(_seconds_to(job, "launched") for job in jobs)
    yield Check(
        "launches", True, f"{median(waits):.0f} s in the middle, {waits[-1]:.0f} s at most, from the submission"
    )
    for job_id in ids:
        client.delete(job_id)
    yield Check("clean-up", True, "all files and records are deleted")


def _seconds_to(job: Job, event: str) -> float:
    at = next(entry["at"] for entry in job["timeline"] if entry["event"] == event)
    return (datetime.fromisoformat(at) - datetime.fromisoformat(job["created_at"])).total_seconds()
