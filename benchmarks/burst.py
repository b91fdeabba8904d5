"""Bursts of jobs against AWS's default quotas: how near the makespan comes to what these allow, and at what price.

`python -m benchmarks.burst [--jobs 100 1000 10000] [--quick] [--json build/bench/burst.json]` plays each burst in
simulation/: the orchestrator's own handlers and workflow on a simulated AWS, in virtual time. Prints a table of the
bursts and one of the figures, and writes one JSON. Without `--jobs` the bursts are of 100, 1,000 and 10,000; the last
takes two minutes and more.
Beside each smaller one stands the same with one RunInstances call for each job, which is what batching is measured by.

The makespan runs from the submission to the last machine's confirmed end. Its bound is the wait that AWS's
quotas impose, plus a job's own time, measured here as well: the slowest of fifty jobs that are alone in their stack.
That is more than what machine and script take, since the slowest of a thousand jobs is no average one either.

Assumed: a machine's agent is online 20 s after its launch, the script runs for 10 s and termination takes 30 s, always.
AWS answers a call within 5 to 50 ms, 3 in 1,000 within 2 s, and starts one function in ten cold (simulation/rng.py).
A function's milliseconds are those of its calls and pauses; its own computing is not in them. All jobs are of one owner
and are submitted at once; the API's function counts neither for the calls nor for the price. Two jobs were run before,
one after the other, which are not counted: the stack knows from them how long a machine boots.

Not simulated, but in the JSON, beside what was used of them in the busiest second: the quotas of state transitions, of
functions at a time and of a DynamoDB partition. For Systems Manager's calls AWS documents no rate at all ("AWS Systems
Manager endpoints and quotas", AWS General Reference), so they are unlimited here.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from math import ceil
from statistics import median
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from benchmarks.figure import Figure, Goal
from benchmarks.program import Program, parser
from infra.config import StackConfig
from infra.workflow import DEFINITION, filled, limits
from simulation.capacity import Capacity
from simulation.ec2 import INSTANCE_QUOTA, Instance, Pace
from simulation.handlers import FUNCTIONS
from simulation.lambdas import ignored
from simulation.payload import Script
from simulation.quotas import Quota
from simulation.stack import Stack
from simulation.world import World

BOOT, SCRIPT, TERMINATION = 20.0, 10.0, 30.0
TAIL = 0.003
MANY, DEFAULT_SLOTS = 10_000, 50
# Of the workflow: Begin, Launch, Dispatch, AwaitCompletion, Inspect, Verdict, Record and Terminate.
FEWEST_TRANSITIONS = 8
JOBS_BEFORE = 2
JOBS, QUICK_JOBS = (100, 1_000, 10_000), (100,)
# From so many on the same burst is not played again with one machine a call.
ONE_BY_ONE_BELOW = 10_000
ALONE, QUICK_ALONE = 50, 10
MAKESPAN_GOAL = 1.25

# EC2's, for any region: EC2 developer guide, "Request throttling for the Amazon EC2 API" (ec2-api-throttling.html),
# "Request token bucket sizes" and "Resource token bucket sizes". DescribeInstances without filter and pages has the
# smaller of two buckets. Step Functions', outside of N. Virginia, Oregon and Ireland: its developer guide, "Step
# Functions service quotas" (service-quotas.html). Read in November 2026.
QUOTAS: Mapping[str, Quota] = {
    "ec2:RunInstances": Quota(5, 2),
    INSTANCE_QUOTA: Quota(1_000, 2),
    "ec2:TerminateInstances": Quota(100, 5),
    "ec2:DescribeInstances": Quota(50, 10),
    "ec2:CreateTags": Quota(100, 10),
    "states:StartExecution": Quota(800, 150),
    "states:SendTaskSuccess": Quota(1_500, 300),
    "states:SendTaskFailure": Quota(1_500, 300),
    "states:DescribeExecution": Quota(250, 10),
}
# The machines that calls of TerminateInstances end ("Resource token bucket sizes" there).
TERMINATED_MACHINES = Quota(1_000, 20)
TRANSITIONS = Quota(800, 800)
# Lambda developer guide, "Lambda quotas": concurrent executions. DynamoDB developer guide, "Best practices for
# designing partition keys": a partition's units a second, and so one hash key's.
FUNCTIONS_AT_ONCE = 1_000
PARTITION_READS, PARTITION_WRITES = 3_000, 1_000

# USD in eu-central-1, on demand, from AWS's price lists of August and September 2026; no free tier. The machine's and
# its address's price is by the second, 60 of them at least; storage and what leaves AWS is left out.
FUNCTION_GB = 0.25  # infra/steps.py
PER_GB_SECOND, PER_INVOCATION = 0.0000133334, 0.20e-6  # Lambda on arm64
PER_TRANSITION = 0.000025  # Step Functions, Standard
PER_READ, PER_WRITE = 0.1525e-6, 0.7625e-6  # DynamoDB request units
PER_S3_WRITE, PER_S3_READ = 0.0054e-3, 0.00043e-3  # S3 requests
MACHINE_READS, MACHINE_WRITES = 3, 1  # of S3: the payload, the spec and the file; the result
PER_MACHINE_HOUR, PER_ADDRESS_HOUR = 0.0192, 0.005  # t4g.small; a public IPv4 address
LEAST_BILLED = 60.0

_S3_WRITES = {"s3:PutObject", "s3:ListObjectsV2"}
_S3_READS = {"s3:HeadObject"}
_STEP = 5.0
_TIMEOUT = 4 * 3600.0
_QUEUE_MINUTES = 240


@dataclass(frozen=True)
class Case:
    """`slots` is max_concurrent_jobs, `batch` the most machines that one call asks for, None as the stack has it.

    `before` is how many jobs the stack has run before, one after the other, from which it knows how long machines boot.
    """

    name: str
    jobs: int
    slots: int = MANY
    batch: int | None = None
    before: int = JOBS_BEFORE


@dataclass(frozen=True)
class Bound:
    """The makespan that no orchestrator gets below, in seconds, and what keeps it there."""

    seconds: float
    by: str


@dataclass(frozen=True)
class Row:
    case: Case
    makespan_s: float  # from the submission to the last machine's confirmed end
    bound: Bound
    ratio: float
    calls: dict[str, float]  # a job, by action
    invocations: float  # of functions, a job
    function_ms: float  # a job
    transitions: float  # a job
    read_units: float  # a job
    write_units: float  # a job
    usd_per_job: dict[str, float]
    busiest_second: dict[str, float]
    unfinished: int  # jobs that have not succeeded
    calls_by_function: dict[str, dict[str, float]]  # a job, by action; also its runs and its milliseconds
    command_wait_s: float  # from an agent online to the command sent, the median
    send_tries: float  # of SendCommand, a job
    problems: list[str]  # rules of simulation/invariants.py that were broken
    real_s: float

    @property
    def usd(self) -> float:
        """Of one job."""
        return sum(self.usd_per_job.values())


def definition() -> Any:
    """The workflow's, as a stack with the defaults has it; its functions by their names in the simulation."""
    config = SimpleNamespace(
        max_attempts=3, boot_timeout_minutes=5, queue_timeout_minutes=_QUEUE_MINUTES, longest_timeout_minutes=60
    )
    names: dict[str, str | int] = {name: name for name in FUNCTIONS}
    return filled(json.loads(DEFINITION.read_text()), {**names, **limits(cast("StackConfig", config))})


def seconds_for(tokens: float, quota: Quota) -> float:
    """How long a full bucket takes to give so many tokens."""
    return max(0.0, (tokens - quota.burst) / quota.per_second)


def bound(jobs: int, slots: int, one: float) -> Bound:
    """From the quotas and a job's own time `one`, each call being made for as many jobs as AWS takes at once.

    Launching and terminating take a thousand ids a call. Everything else needs its call for each job: to start it, and
    to tell it of its machine and of its command's end.
    """
    calls = ceil(jobs / 1_000)
    started = seconds_for(jobs, QUOTAS["states:StartExecution"])
    launched = max(seconds_for(jobs, QUOTAS[INSTANCE_QUOTA]), seconds_for(calls, QUOTAS["ec2:RunInstances"]))
    ended = max(seconds_for(jobs, TERMINATED_MACHINES), seconds_for(calls, QUOTAS["ec2:TerminateInstances"]))
    bounds = [
        Bound(one, "one job"),
        Bound(started + one, "StartExecution"),
        Bound(launched + one, "RunInstances"),
        Bound(ended + one, "TerminateInstances"),
        Bound(seconds_for(2 * jobs, QUOTAS["states:SendTaskSuccess"]), "SendTaskSuccess"),
        Bound(seconds_for(FEWEST_TRANSITIONS * jobs, TRANSITIONS), "state transitions"),
        Bound(ceil(jobs / slots) * one, "slots"),
    ]
    return max(bounds, key=lambda each: each.seconds)


def machine_price(seconds: float) -> float:
    """USD for a machine that ran so long."""
    return max(LEAST_BILLED, seconds) * (PER_MACHINE_HOUR + PER_ADDRESS_HOUR) / 3600


def prices(
    *,
    machine_seconds: Sequence[float],
    function_seconds: float,
    invocations: int,
    transitions: int,
    reads: float,
    writes: float,
    s3_reads: int,
    s3_writes: int,
) -> dict[str, float]:
    """USD by service, for all jobs together."""
    return {
        "EC2": sum(map(machine_price, machine_seconds)),
        "Step Functions": transitions * PER_TRANSITION,
        "Lambda": function_seconds * FUNCTION_GB * PER_GB_SECOND + invocations * PER_INVOCATION,
        "DynamoDB": reads * PER_READ + writes * PER_WRITE,
        "S3": s3_reads * PER_S3_READ + s3_writes * PER_S3_WRITE,
    }


def ran(instance: Instance) -> float:
    """Seconds that EC2 bills: from running to shutting down."""
    since = {state: moment for moment, state in instance.history}
    return since["shutting-down"] - since["running"]


class Busiest:
    """Looks at a world every second of its life: most transitions in one of them."""

    def __init__(self, world: World) -> None:
        self.transitions = 0
        self._seen = 0
        self._world = world
        self._look()

    def _look(self) -> None:
        transitions = self._world.ports.step_functions.transitions
        self.transitions = max(self.transitions, transitions - self._seen)
        self._seen = transitions
        self._world.clock.after(1.0, self._look)


def alone(seeds: Sequence[int] = range(50)) -> float:
    """Seconds that a job takes when there is no other: the slowest of some."""
    return max(_played(Case("alone", 1), seed).makespan for seed in seeds)


@dataclass(frozen=True)
class Played:
    world: World
    capacity: Capacity
    busiest: Busiest
    began: float  # virtual seconds, when the jobs were submitted

    @property
    def makespan(self) -> float:
        """Seconds from the submission until the last execution's end."""
        world = self.world
        executions = (one for one in world.ports.step_functions.executions.values() if one.started >= self.began)
        return max(((one.ended or world.clock.seconds) - self.began for one in executions), default=0.0)


def _played(case: Case, seed: int) -> Played:
    pace = Pace(boot=(BOOT / 2, BOOT / 2), agent=(BOOT / 2, BOOT / 2), termination=(TERMINATION, TERMINATION))
    stack = Stack(max_concurrent=case.slots, quotas=QUOTAS, pace=pace, instance_types=("t4g.small",), tail=TAIL)
    world = World(stack, definition(), seed=seed)
    batches = patch("functions.scheduling.scheduler.MAX_BATCH", case.batch) if case.batch else nullcontext()
    with batches, world:
        for number in range(case.before):
            _submitted(world, range(case.jobs + number, case.jobs + number + 1))
        world.forget_counts()
        played = Played(world, Capacity(world), Busiest(world), world.clock.seconds)
        _submitted(world, range(case.jobs))
    return played


def _submitted(world: World, numbers: range) -> None:
    """Submits jobs at once, and lets time pass until nothing is left to do."""
    began = world.clock.seconds
    for number in numbers:
        world.submit(number, b"a small file", "and a text", Script(SCRIPT), ignored)
    while world.clock.seconds < began + _TIMEOUT and (world.clock.seconds < began + _STEP or not world.is_at_rest()):
        world.run(_STEP)


def play(case: Case, one: float) -> Row:
    """One burst, from its submission until nothing is left to do; `one` is a job's own time."""
    began = time.monotonic()
    played = _played(case, seed=1)
    world, capacity, busiest = played.world, played.capacity, played.busiest
    ports, jobs = world.ports, case.jobs
    lowest, makespan = bound(jobs, case.slots, one), played.makespan
    calls: Counter[str] = Counter()
    for (function, action), times in world.calls.counted.items():
        calls[action] += 0 if function == "api" else times
    functions = {name: times for name, times in world.lambdas.invoked.items() if name != "api"}
    seconds = sum(taken for name, taken in world.lambdas.seconds.items() if name != "api")
    reads, writes = sum(capacity.read.used.values()), sum(capacity.written.used.values())
    usd = prices(
        machine_seconds=[
            ran(instance)
            for instance in ports.ec2.instances.values()
            if not instance.is_alive and instance.launched >= played.began
        ],
        function_seconds=seconds,
        invocations=sum(functions.values()),
        transitions=ports.step_functions.transitions,
        reads=reads,
        writes=writes,
        s3_reads=sum(calls[action] for action in _S3_READS) + MACHINE_READS * jobs,
        s3_writes=sum(calls[action] for action in _S3_WRITES) + MACHINE_WRITES * jobs,
    )
    return Row(
        case=case,
        makespan_s=makespan,
        bound=lowest,
        ratio=makespan / lowest.seconds,
        calls={action: times / jobs for action, times in sorted(calls.items())},
        invocations=sum(functions.values()) / jobs,
        function_ms=seconds / jobs * 1000,
        transitions=ports.step_functions.transitions / jobs,
        read_units=reads / jobs,
        write_units=writes / jobs,
        usd_per_job={service: price / jobs for service, price in usd.items()},
        busiest_second={
            f"state transitions, of {TRANSITIONS.per_second:g}": busiest.transitions,
            f"functions at once, of {FUNCTIONS_AT_ONCE}": world.lambdas.most,
            f"units read of one hash key, of {PARTITION_READS}": max(capacity.read.most.values()),
            f"units written of one hash key, of {PARTITION_WRITES}": max(capacity.written.most.values()),
        },
        unfinished=sum(job.status != "succeeded" for job in ports.records.jobs.values())
        + jobs
        + case.before
        - len(ports.records.jobs),
        calls_by_function=_calls_by_function(world, jobs),
        command_wait_s=_command_wait(played),
        send_tries=calls["ssm:SendCommand"] / jobs,
        problems=[*world.invariants.problems, *world.unrest()],
        real_s=time.monotonic() - began,
    )


def _calls_by_function(world: World, jobs: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, runs in sorted(world.lambdas.invoked.items()):
        found[name] = {"runs": runs / jobs, "ms": world.lambdas.seconds[name] / jobs * 1000}
    for (function, action), times in sorted(world.calls.counted.items()):
        found.setdefault(function, {})[action] = times / jobs
    return {name: calls for name, calls in found.items() if name != "api"}


def _command_wait(played: Played) -> float:
    commands = [one for one in played.world.ports.ssm.commands.values() if one.sent >= played.began]
    return median(one.sent - (one.instance.online_at or 0.0) for one in commands) if commands else 0.0


def breakdown(row: Row) -> str:
    """Which function makes which calls."""
    lines = [f"Calls a job by function, {row.case.jobs:,} jobs {row.case.name}:"]
    for function, calls in row.calls_by_function.items():
        listed = ", ".join(f"{name.partition(':')[2] or name} {times:.2f}" for name, times in calls.items())
        lines.append(f"  {function:18}{listed}")
    return "\n".join(lines)


# Lines of the table: how many calls of these actions there are for a job.
_CALLS = {
    "RunInstances": ("ec2:RunInstances",),
    "CreateTags": ("ec2:CreateTags",),
    "TerminateInstances": ("ec2:TerminateInstances",),
    "DescribeInstances": ("ec2:DescribeInstances",),
    "SendCommand": ("ssm:SendCommand",),
    "GetCommandInvocation": ("ssm:GetCommandInvocation",),
    "StartExecution": ("states:StartExecution",),
    "SendTaskSuccess, SendTaskFailure": ("states:SendTaskSuccess", "states:SendTaskFailure"),
    "DescribeExecution": ("states:DescribeExecution",),
    "DynamoDB reads": ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
    "DynamoDB writes": (
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchWriteItem",
    ),
}


def table(rows: Sequence[Row]) -> str:
    """A column for each burst."""
    lines: list[tuple[str, list[str]]] = [
        ("jobs", [f"{row.case.jobs:,}" for row in rows]),
        ("", [row.case.name for row in rows]),
        ("makespan, s", [f"{row.makespan_s:,.0f}" for row in rows]),
        ("bound, s", [f"{row.bound.seconds:,.0f}" for row in rows]),
        ("  which is of", [row.bound.by for row in rows]),
        ("ratio", [f"{row.ratio:.2f}" for row in rows]),
        ("for each job:", [""] * len(rows)),
    ]
    for name, actions in _CALLS.items():
        lines.append((f"  {name}", [f"{sum(row.calls.get(one, 0.0) for one in actions):.2f}" for row in rows]))
    lines += [
        ("  s from agent online to command", [f"{row.command_wait_s:.2f}" for row in rows]),
        ("  read units", [f"{row.read_units:.1f}" for row in rows]),
        ("  write units", [f"{row.write_units:.1f}" for row in rows]),
        ("  functions' runs", [f"{row.invocations:.1f}" for row in rows]),
        ("  functions' ms", [f"{row.function_ms:,.0f}" for row in rows]),
        ("  state transitions", [f"{row.transitions:.1f}" for row in rows]),
        ("  USD, without the machine", [f"{row.usd - row.usd_per_job['EC2']:.5f}" for row in rows]),
        ("  USD", [f"{row.usd:.5f}" for row in rows]),
    ]
    return "\n".join(f"{name:34}" + "".join(f"{cell:>15}" for cell in cells) for name, cells in lines)


def complaints(rows: Sequence[Row]) -> list[str]:
    """What must not happen in any burst, whatever it costs."""
    return [
        f"{row.case.jobs:,} jobs, {row.case.name}: {what}"
        for row in rows
        for what in (*row.problems[:5], *([f"{row.unfinished} have not succeeded"] if row.unfinished else []))
    ]


def cases(sizes: Sequence[int]) -> list[Case]:
    found = []
    for jobs in sizes:
        found.append(Case("in batches", jobs))
        if jobs < ONE_BY_ONE_BELOW:
            found.append(Case("one by one", jobs, batch=1))
    return [*found, *(Case(f"{DEFAULT_SLOTS} slots", jobs, slots=DEFAULT_SLOTS) for jobs in sizes if jobs == 1_000)]


def figures_of(rows: Sequence[Row]) -> list[Figure]:
    """Of the bursts in batches, and what batching saves; exact, since chance is seeded and time is virtual."""
    one_by_one = {row.case.jobs: row for row in rows if row.case.batch == 1}
    found = []
    for row in (row for row in rows if row.case.batch is None):
        name = f"burst {row.case.jobs:,}, {row.case.name}"
        found.append(
            Figure(
                f"{name}: makespan",
                row.makespan_s,
                "s",
                baseline=row.bound.seconds,
                goal=Goal(MAKESPAN_GOAL),
                note=f"simulated; against what AWS's quotas allow: {row.bound.by}",
            )
        )
        if row.case.slots == MANY:
            other, action = one_by_one.get(row.case.jobs), "ec2:RunInstances"
            found += [
                Figure(
                    f"{name}: RunInstances calls a job",
                    row.calls[action],
                    "calls",
                    baseline=other.calls[action] if other else None,
                    note="against one machine a call" if other else "",
                ),
                Figure(
                    f"{name}: AWS calls a job", sum(row.calls.values()), "calls", note="of all functions but the API"
                ),
                Figure(f"{name}: DynamoDB calls a job", _dynamodb(row), "calls", note="reads and writes"),
                Figure(f"{name}: SendCommand tries a job", row.send_tries, "calls"),
                Figure(
                    f"{name}: agent online to command sent, p50",
                    row.command_wait_s,
                    "s",
                    goal=Goal(1.0),
                    note="simulated; all machines boot alike, as two before them did",
                ),
                Figure(f"{name}: state transitions a job", row.transitions, "transitions"),
                Figure(f"{name}: price a job without the machine", (row.usd - row.usd_per_job["EC2"]) * 1e6, "µUSD"),
            ]
    return found


def _dynamodb(row: Row) -> float:
    return sum(times for action, times in row.calls.items() if action.startswith("dynamodb:"))


def main() -> None:
    arguments = parser("burst", __doc__)
    arguments.add_argument("--jobs", type=int, nargs="+")
    options = arguments.parse_args()
    program = Program("burst")
    program.say("jobs alone")
    one = alone(range(QUICK_ALONE if options.quick else ALONE))
    rows = []
    for case in cases(options.jobs or (QUICK_JOBS if options.quick else JOBS)):
        program.say(f"{case.jobs:,} jobs, {case.name}")
        rows.append(play(case, one))
    print(f"A job alone takes up to {one:.1f} s; {BOOT + SCRIPT + TERMINATION:g} s are boot, script and termination.")
    print(table(rows))
    for row in rows:
        print(breakdown(row))
    details = {"assumed": __doc__, "alone_s": one, "rows": [asdict(row) for row in rows]}
    program.publish(options.json, figures_of(rows), **details)
    if found := complaints(rows):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
