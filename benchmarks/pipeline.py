"""Submit to succeeded in the local cloud with machines that boot at once: what Mayfly and the emulator take together.

`python -m benchmarks.pipeline [--sequential 20] [--at-once 20 50 200] [--quick] [--json build/bench/pipeline.json]`
prints its tables and writes one JSON. A few jobs go ahead, uncounted, so that every function has a warm worker; a burst
that is not counted either starts the workers that one needs, as functions on AWS would start environments.

`--before FOLDER` compares with a checkout of another commit, and measures nothing else: each has a local cloud, and in
each of `--rounds` a few jobs one at a time and the bursts, in turns.

Seconds are by the jobs' own times, queued to succeeded. "A job" of a burst is its wall time by its jobs: the first one
queued to the last one succeeded. All jobs must succeed; beyond `maxConcurrentJobs` (50) they wait in the queue.

Where the time goes: each stage by the timeline, each function by its REPORT lines in the log, and processor time of the
emulator, of the functions and of the machines by /proc, so only on Linux.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.job_times import Row, at_once, measure, one_at_a_time
from benchmarks.original_design import ORIGINAL
from benchmarks.processes import PARTS
from benchmarks.program import ROOT, Program, parser
from benchmarks.served_cloud import served_cloud
from localcloud.cloud import LocalCloud
from operations.job_client import JobClient

WARM_UP = 3
WARM_UP_AT_ONCE, QUICK_WARM_UP_AT_ONCE = 50, 20
SEQUENTIAL, QUICK_SEQUENTIAL = 20, 8
AT_ONCE, QUICK_AT_ONCE = (20, 50, 200), (20,)
LINEARITY_GOAL = 1.1
P50_GOAL_SECONDS, P50_GOAL_AT_ONCE = 1.0, 50
BILLED_GOAL = 0.02
NOW, BEFORE = "now", "before"
ROUNDS, QUICK_ROUNDS = 5, 2
ROUND_SEQUENTIAL, ROUND_AT_ONCE = 6, (50,)
ALONE = "one at a time"
ALONE_GOAL, BURST_GOAL, PROCESSOR_GOAL = 0.65, 0.5, 0.5  # against the build before
_REPORT = re.compile(r"^REPORT RequestId: \S+\s+Duration: ([\d.]+) ms", re.MULTILINE)


@dataclass(frozen=True)
class Function:
    """One function's share of a job."""

    name: str
    calls: float
    ms: float


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
            note="one at a time, machines boot at once, without the API; against the original design that sleeps",
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
                note="wall time / jobs" if row is first else f"wall time / jobs; against {first.jobs} at once",
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


Rounds = Mapping[tuple[str, str], Sequence[Row]]


def rounds_of(checkouts: Mapping[str, Path], rounds: int, jobs: Mapping[str, int], program: Program) -> Rounds:
    """The rows of each (side, name of a row in `jobs`), in rounds."""
    found: dict[tuple[str, str], list[Row]] = {(side, name): [] for side in checkouts for name in jobs}
    with ExitStack() as stack:
        sides = {}
        for side, checkout in checkouts.items():
            program.say(f"starting and warming up the local cloud of {checkout}")
            cloud = stack.enter_context(served_cloud(checkout))
            client = stack.enter_context(JobClient(cloud.url, user="alice"))
            one_at_a_time(client, WARM_UP)
            at_once(client, max(jobs.values()))
            sides[side] = cloud.pid, client
        for number in range(rounds):
            for side, name in sorted(found, reverse=number % 2 == 1):
                program.say(f"round {number + 1} of {rounds}: {side}, {name}")
                found[side, name].append(measure(*sides[side], name, jobs[name], together=name != ALONE))
    return found


def comparison_of(rounds: Rounds) -> list[Figure]:
    """`before` is the baseline; each ratio is the median of the rounds'."""
    found = []
    for name in dict.fromkeys(name for _, name in rounds):
        pairs = list(zip(rounds[NOW, name], rounds[BEFORE, name], strict=True))
        wall, wall_goal = ("p50", ALONE_GOAL) if name == ALONE else ("a job", BURST_GOAL)
        for what, goal in ((wall, wall_goal), ("processor time a job", PROCESSOR_GOAL)):
            now, before = zip(*([_seconds(row, what) for row in pair] for pair in pairs), strict=True)
            ratios = [one / other for one, other in zip(now, before, strict=True)]
            found.append(
                Figure(
                    f"pipeline against another build: {name}, {what}",
                    statistics.median(now),
                    "s",
                    baseline=statistics.median(before),
                    goal=Goal(goal),
                    spread=spread_of(ratios),
                    paired_ratio=statistics.median(ratios),
                )
            )
    return found


def _seconds(row: Row, what: str) -> float:
    return {"p50": row.p50_s, "a job": row.a_job_s}.get(what, sum(row.processor_s.values()))


def compare(options: argparse.Namespace, program: Program) -> None:
    jobs = {ALONE: options.sequential or ROUND_SEQUENTIAL}
    jobs |= {f"{many} at once": many for many in options.at_once or (QUICK_AT_ONCE if options.quick else ROUND_AT_ONCE)}
    checkouts = {NOW: ROOT, BEFORE: options.before.resolve()}
    rounds = rounds_of(checkouts, options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS), jobs, program)
    figures = comparison_of(rounds)
    details = [{"side": side, "rows": [asdict(row) for row in rows]} for (side, _), rows in rounds.items()]
    program.publish(options.json, figures, rounds=details)


def main() -> None:
    arguments = parser("pipeline", __doc__)
    arguments.add_argument("--sequential", type=int)
    arguments.add_argument("--at-once", type=int, nargs="+")
    arguments.add_argument("--before", type=Path, help="a checkout of another commit, measured in turns")
    arguments.add_argument("--rounds", type=int, help="with --before")
    options = arguments.parse_args()
    program = Program("pipeline")
    if options.before:
        compare(options, program)
        return
    sequential = options.sequential or (QUICK_SEQUENTIAL if options.quick else SEQUENTIAL)
    bursts = options.at_once or (QUICK_AT_ONCE if options.quick else AT_ONCE)
    program.say("starting the local cloud")
    with LocalCloud.start() as cloud, JobClient(cloud.url, user="alice") as client:
        program.say(f"warming up: {WARM_UP} jobs")
        one_at_a_time(client, WARM_UP)
        program.say(f"{sequential} jobs, one at a time")
        since = time.time()
        rows = [measure(cloud.pid, client, ALONE, sequential, together=False)]
        workflow = [each for each in functions(cloud, since, sequential) if not each.name.endswith("-api")]
        starting = QUICK_WARM_UP_AT_ONCE if options.quick else WARM_UP_AT_ONCE
        program.say(f"warming up: {starting} jobs at once")
        at_once(client, starting)
        for jobs in bursts:
            program.say(f"{jobs} jobs at once")
            rows.append(measure(cloud.pid, client, f"{jobs} at once", jobs, together=True))
    print(table(rows))
    print(function_table(workflow))
    details = {"rows": [asdict(row) for row in rows], "functions": [asdict(function) for function in workflow]}
    program.publish(options.json, figures_of(rows, workflow), **details)


if __name__ == "__main__":
    main()
