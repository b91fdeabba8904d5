"""What a stack measures of its jobs and machines; functions/aws/metrics.py writes it down for CloudWatch.

What a job comes to is taken from the write that made it so: of all who try to end a run, one gets to write it, and
that one counts. A step that is tried again finds the end written and counts nothing; one that dies right after its
write has not counted, so a number can be too small by what was lost, and never too large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from functions.costs.pricing import MICRO_PER_USD, machine_cost
from functions.jobs.failure_catalog import FAILURES, Actor
from functions.jobs.job import Job, MachineReceipt


class Unit(StrEnum):
    """CloudWatch's words; it has none for money."""

    COUNT = "Count"
    SECONDS = "Seconds"
    USD = "None"


@dataclass(frozen=True)
class Metric:
    """A metric; `by` names its dimension besides the stack."""

    name: str
    unit: Unit
    by: str | None = None

    def of(self, value: float, kind: str | None = None) -> Measurement:
        """A value of this metric, of one `kind` where it has kinds."""
        return Measurement(self, value, kind)


@dataclass(frozen=True)
class Measurement:
    metric: Metric
    value: float
    kind: str | None = None


JOBS_ENDED = Metric("Jobs", Unit.COUNT, "outcome")
JOBS_FAILED = Metric("Failures", Unit.COUNT, "code")
FAULTS = Metric("Faults", Unit.COUNT)
QUEUED_SECONDS = Metric("QueuedSeconds", Unit.SECONDS)
LAUNCHING_SECONDS = Metric("LaunchingSeconds", Unit.SECONDS)
RUNNING_SECONDS = Metric("RunningSeconds", Unit.SECONDS)
WHOLE_SECONDS = Metric("WholeSeconds", Unit.SECONDS)
MACHINE_SECONDS = Metric("MachineSeconds", Unit.SECONDS)
COST = Metric("CostUsd", Unit.USD)
LAUNCH_REFUSALS = Metric("LaunchRefusals", Unit.COUNT, "reason")
JOBS_OPEN = Metric("JobsOpen", Unit.COUNT)
MACHINES_ALIVE = Metric("MachinesAlive", Unit.COUNT)
MACHINES_OVERDUE = Metric("MachinesOverdue", Unit.COUNT)
ORPHANS_ENDED = Metric("OrphansEnded", Unit.COUNT)
STARTS_FAILED = Metric("StartsFailed", Unit.COUNT)
SWEEP_FAILURES = Metric("SweepFailures", Unit.COUNT)

# All of the above.
METRICS = tuple(each for each in list(vars().values()) if isinstance(each, Metric))

_RETRIED = "retried"
# What a job does from each of its timeline's events on, until the next of them.
_SPENT_IN = {
    "queued": QUEUED_SECONDS,
    _RETRIED: QUEUED_SECONDS,
    "machine_lost": QUEUED_SECONDS,
    "launched": LAUNCHING_SECONDS,
    "running": RUNNING_SECONDS,
}
_WHOSE_FAULT = {Actor.NOBODY, Actor.OPERATOR}


class MetricsSink(Protocol):
    def record(self, measurements: Sequence[Measurement]) -> None:
        """Records measurements."""


def swept(*, jobs_open: int | None, alive: int | None, overdue: int | None, failures: int) -> list[Measurement]:
    """What a whole sweep saw. It is measured also when there is nothing, as a sign that sweeps come to their end.

    Jobs or machines that could not be listed are None: they are not measured.
    """
    seen = {JOBS_OPEN: jobs_open, MACHINES_ALIVE: alive, MACHINES_OVERDUE: overdue, SWEEP_FAILURES: failures}
    return [metric.of(value) for metric, value in seen.items() if value is not None]


def ended(before: Job, after: Job) -> Iterator[Measurement]:
    """What of a job has ended with a write: its run, or machines."""
    if after.status.is_terminal and not before.status.is_terminal:
        yield from _end_of_run(after)
    ended_before = {machine.instance_id for machine in before.machines if machine.terminated_at}
    for machine in after.machines:
        if machine.terminated_at and machine.instance_id not in ended_before:
            yield from _end_of_machine(machine, machine.terminated_at)


def _end_of_run(job: Job) -> Iterator[Measurement]:
    yield JOBS_ENDED.of(1, job.status.value)
    if job.error is not None:
        yield JOBS_FAILED.of(1, job.error.code)
        if FAILURES[job.error.code].actor in _WHOSE_FAULT:
            yield FAULTS.of(1)
    yield from _times(job)


def _times(job: Job) -> Iterator[Measurement]:
    """How long the run was in each state, and altogether."""
    begins = [index for index, each in enumerate(job.timeline) if each.event == _RETRIED]
    of_run = job.timeline[begins[-1] if begins else 0 :]
    turns = [each for each in of_run if each.event in _SPENT_IN or each.event == job.status.value]
    spent: dict[Metric, float] = {}
    for result, following in pairwise(turns):
        if metric := _SPENT_IN.get(result.event):
            spent[metric] = spent.get(metric, 0) + _seconds(result.at, following.at)
    yield from (metric.of(seconds) for metric, seconds in spent.items())
    if turns:
        yield WHOLE_SECONDS.of(_seconds(turns[0].at, turns[-1].at))


def _end_of_machine(machine: MachineReceipt, ended_at: str) -> Iterator[Measurement]:
    yield MACHINE_SECONDS.of(_seconds(machine.launched_at, ended_at))
    cost = machine_cost(machine, datetime.fromisoformat(ended_at))
    if cost is not None:
        yield COST.of(cost / MICRO_PER_USD)


def _seconds(since: str, until: str) -> float:
    """Two functions' clocks may differ by a little; no time is negative for that."""
    return max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())
