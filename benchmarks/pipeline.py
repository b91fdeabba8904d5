"""Submit to succeeded in the local cloud with machines that boot at once: what Mayfly and the emulator take together.

`python benchmarks/pipeline.py [--sequential 20] [--at-once 20 50 100 200] [--quick] [--json build/bench/pipeline.json]`
prints one table and writes one JSON. A few jobs go ahead, uncounted, so that every function has a warm worker; a burst
that is not counted either starts the workers that one needs, as functions on AWS would start environments.

Seconds are by the jobs' own times, queued to succeeded. "A job" of a burst is its wall time by its jobs: the first one
queued to the last one succeeded. All jobs must succeed; beyond `maxConcurrentJobs` (50) they wait in the queue.

Where the time goes: each stage by the timeline, each function by its REPORT lines in the log, and processor time of the
emulator, of the functions and of the machines by /proc, so only on Linux.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figure import Figure, Goal, spread_of  # noqa: E402  # found only by the line above when run by its path
from benchmarks.original_design import ORIGINAL  # noqa: E402
from benchmarks.processes import PARTS, processor_seconds  # noqa: E402
from benchmarks.program import Program, parser  # noqa: E402
from localcloud.cloud import LocalCloud  # noqa: E402
from operations.job_client import Job, JobClient  # noqa: E402

WARM_UP = 3
WARM_UP_AT_ONCE, QUICK_WARM_UP_AT_ONCE = 50, 20
SEQUENTIAL, QUICK_SEQUENTIAL = 20, 8
AT_ONCE, QUICK_AT_ONCE = (20, 50, 100, 200), (20,)
SUBMITTING = 16
PATIENCE_SECONDS = 600.0
PAUSE_SECONDS = 1.0
LINEARITY_GOAL = 1.1
P50_GOAL_SECONDS, P50_GOAL_AT_ONCE = 1.0, 50
BILLED_GOAL = 0.02
_REPORT = re.compile(r"^REPORT RequestId: \S+\s+Duration: ([\d.]+) ms", re.MULTILINE)


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


@dataclass(frozen=True)
class Function:
    """One function's share of a job."""

    name: str
    calls: float
    ms: float


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
    job = client.wait(job_id, PATIENCE_SECONDS, longest_pause=pause)
    if job["status"] != "succeeded":
        raise SystemExit(f"job {job['id']} has {job['status']}: {job['error']}")
    return job


def released(client: JobClient, job: Job) -> Job:
    """The job when its machine's end is in its record, too: its workflow's last step.

    Raises:
        SystemExit: that does not come.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
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


def measure(cloud: LocalCloud, client: JobClient, name: str, jobs: int, *, together: bool) -> Row:
    before = processor_seconds(cloud.pid)
    done = (at_once if together else one_at_a_time)(client, jobs)
    after = processor_seconds(cloud.pid)
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


def functions(cloud: LocalCloud, since: float, jobs: int) -> list[Function]:
    """Each function's calls and billed milliseconds for a job, of those since a time in epoch seconds."""
    logs = cloud.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    found = []
    for group in (each["logGroupName"] for each in groups):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=int(since * 1_000))
        lines = [event["message"] for page in pages for event in page["events"]]
        billed = [float(match[1]) for line in lines if (match := _REPORT.match(line))]
        if billed:
            found.append(Function(group.removeprefix("/aws/lambda/"), len(billed) / jobs, sum(billed) / jobs))
    return found


def figures_of(rows: Sequence[Row], workflow: Sequence[Function]) -> list[Figure]:
    alone, *bursts = rows
    first = bursts[0]
    found = [
        Figure(
            "pipeline: one at a time, p50",
            alone.p50_s,
            "s",
            goal=Goal(P50_GOAL_SECONDS),
            note="queued to succeeded",
            spread=alone.spread,
        ),
        Figure("pipeline: one at a time, p95", alone.p95_s, "s", spread=2 * alone.spread),
        Figure(
            "pipeline: functions' billed time a job",
            sum(function.ms for function in workflow),
            "ms",
            baseline=ORIGINAL.billed_ms,
            goal=Goal(BILLED_GOAL),
            note="one at a time, machines boot at once, without the API; beside the original design that sleeps",
            spread=0.15,
        ),
        Figure(
            "pipeline: functions' calls a job",
            sum(function.calls for function in workflow),
            "calls",
            note="one at a time, without the API",
            spread=0.03,
        ),
    ]
    for row in (alone, bursts[-1]):
        found += [
            Figure(
                f"pipeline: {row.name}, processor time of the {part}",
                row.processor_s[part],
                "s",
                note="a job",
                spread=0.1,
            )
            for part in PARTS
        ]
    for row in bursts:
        found += [
            Figure(
                f"pipeline: {row.name}, p50",
                row.p50_s,
                "s",
                goal=Goal(P50_GOAL_SECONDS) if row.jobs == P50_GOAL_AT_ONCE else None,
                note="queued to succeeded",
                spread=0.1,
            ),
            Figure(f"pipeline: {row.name}, p95", row.p95_s, "s", spread=0.1),
            Figure(
                f"pipeline: {row.name}, a job",
                row.a_job_s,
                "s",
                baseline=None if row is first else first.a_job_s,
                goal=None if row is first else Goal(LINEARITY_GOAL),
                note="wall time / jobs" if row is first else f"wall time / jobs; beside {first.jobs} at once",
                spread=0.1,
            ),
        ]
    return found


def table(rows: Sequence[Row]) -> str:
    lines = [
        f"{'':18}{'jobs':>6}{'p50 s':>9}{'p95 s':>9}{'slowest s':>11}{'a job s':>9}   CPU s a job: " + ", ".join(PARTS)
    ]
    for row in rows:
        processor = " + ".join(f"{row.processor_s[part]:.2f}" for part in PARTS)
        lines.append(
            f"{row.name:18}{row.jobs:>6}{row.p50_s:>9.2f}{row.p95_s:>9.2f}{row.slowest_s:>11.2f}{row.a_job_s:>9.2f}"
            f"   {processor} = {sum(row.processor_s.values()):.2f}"
        )
    lines += ["", "stages, s (median, one at a time and the largest burst):"]
    first, last = rows[0].stages_s, rows[-1].stages_s
    lines += [f"  {event:22}{seconds:>9.2f}{last.get(event, 0.0):>9.2f}" for event, seconds in first.items()]
    return "\n".join(lines)


def function_table(found: Sequence[Function]) -> str:
    lines = [f"{'one at a time, a job:':40}{'calls':>8}{'billed ms':>11}"]
    lines += [f"  {function.name:38}{function.calls:>8.2f}{function.ms:>11.0f}" for function in found]
    return "\n".join(lines)


def main() -> None:
    arguments = parser("pipeline", __doc__)
    arguments.add_argument("--sequential", type=int)
    arguments.add_argument("--at-once", type=int, nargs="+")
    options = arguments.parse_args()
    program = Program("pipeline")
    sequential = options.sequential or (QUICK_SEQUENTIAL if options.quick else SEQUENTIAL)
    bursts = options.at_once or (QUICK_AT_ONCE if options.quick else AT_ONCE)
    program.say("starting the local cloud")
    with LocalCloud.start() as cloud, JobClient(cloud.url, user="alice") as client:
        program.say(f"warming up: {WARM_UP} jobs")
        one_at_a_time(client, WARM_UP)
        program.say(f"{sequential} jobs, one at a time")
        since = time.time()
        rows = [measure(cloud, client, "one at a time", sequential, together=False)]
        workflow = [each for each in functions(cloud, since, sequential) if not each.name.endswith("-api")]
        starting = QUICK_WARM_UP_AT_ONCE if options.quick else WARM_UP_AT_ONCE
        program.say(f"warming up: {starting} jobs at once")
        at_once(client, starting)
        for jobs in bursts:
            program.say(f"{jobs} jobs at once")
            rows.append(measure(cloud, client, f"{jobs} at once", jobs, together=True))
    print(table(rows))
    print(function_table(workflow))
    details = {"rows": [asdict(row) for row in rows], "functions": [asdict(function) for function in workflow]}
    program.publish(options.json, figures_of(rows, workflow), **details)


if __name__ == "__main__":
    main()
