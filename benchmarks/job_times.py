"""Jobs in a local cloud, one at a time and many at once: their times, and the processor time of all that they take."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from benchmarks.figure import spread_of
from benchmarks.processes import PARTS, processor_seconds
from operations.job_client import Job, JobClient

SUBMITTING = 16
TIMEOUT_SECONDS = 600.0
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Row:
    name: str
    jobs: int
    p50_s: float  # queued → succeeded
    p95_s: float
    slowest_s: float
    spread: float
    a_job_s: float  # of the first one queued → the last one succeeded
    processor_s: dict[str, float]  # a job, by part
    stages_s: dict[str, float]  # medians, by the event that ends the stage


def moments(job: Job) -> dict[str, datetime]:
    return {entry["event"]: datetime.fromisoformat(entry["at"]) for entry in job["timeline"]}


def seconds_to_success(job: Job) -> float:
    times = moments(job)
    return (times["succeeded"] - times["queued"]).total_seconds()


def stages(jobs: Sequence[Job]) -> dict[str, float]:
    """How long each stage took, by the event that ended it: medians."""
    taken: dict[str, list[float]] = defaultdict(list)
    for job in jobs:
        for (_, begun), (event, ended) in pairwise(moments(job).items()):
            taken[event].append((ended - begun).total_seconds())
    return {event: statistics.median(seconds) for event, seconds in taken.items()}


def submit(client: JobClient, number: int) -> str:
    return str(client.submit(b"a small file", f"{number}.txt", "and a text")["id"])


def succeeded(client: JobClient, job_id: str, pause: float) -> Job:
    """The job when it has ended.

    Raises:
        SystemExit: in another way than by success.
    """
    job = client.wait(job_id, TIMEOUT_SECONDS, longest_pause=pause)
    if job["status"] != "succeeded":
        raise SystemExit(f"job {job['id']} has {job['status']}: {job['error']}")
    return job


def released(client: JobClient, job: Job) -> Job:
    """The job when its machine's end is in its record, too: its workflow's last step.

    Raises:
        SystemExit: that does not come.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while "machine_terminated" not in moments(job):
        if time.monotonic() > deadline:
            raise SystemExit(f"job {job['id']} still has its machine: {job['timeline']}")
        time.sleep(0.2)
        job = client.get(job["id"])
    return job


def one_at_a_time(client: JobClient, jobs: int) -> list[Job]:
    done = [succeeded(client, submit(client, number), 0.2) for number in range(jobs)]
    return [released(client, job) for job in done]


def at_once(client: JobClient, jobs: int) -> list[Job]:
    """One after the other is waited for, so that asking is no part of the load."""
    with ThreadPoolExecutor(min(jobs, SUBMITTING)) as pool:
        submitted = list(pool.map(lambda number: submit(client, number), range(jobs)))
    done = [succeeded(client, job_id, PAUSE_SECONDS) for job_id in submitted]
    return [released(client, job) for job in done]


def measure(pid: int, client: JobClient, name: str, jobs: int, *, together: bool) -> Row:
    """`pid` is of the process that all others of the local cloud descend from."""
    before = processor_seconds(pid)
    done = (at_once if together else one_at_a_time)(client, jobs)
    after = processor_seconds(pid)
    taken = sorted(map(seconds_to_success, done))
    times = list(map(moments, done))
    whole = max(time["succeeded"] for time in times) - min(time["queued"] for time in times)
    return Row(
        name=name,
        jobs=jobs,
        p50_s=statistics.median(taken),
        p95_s=quantile(taken, 0.95),
        slowest_s=taken[-1],
        spread=spread_of(taken),
        a_job_s=whole.total_seconds() / jobs,
        processor_s={part: (after.get(part, 0.0) - before.get(part, 0.0)) / jobs for part in PARTS},
        stages_s=stages(done),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
