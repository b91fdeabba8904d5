"""The job: its record, its statuses and the only legal ways between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from functions.jobs.errors import IllegalTransition, TooManyRuns
from functions.jobs.record_limits import (
    EVENTS_KEPT_ON_RETRY,
    MAX_ATTEMPTS,
    MAX_DETAIL_BYTES,
    MAX_EVENTS_PER_RUN,
    MAX_RUNS,
    clipped,
)


class JobStatus(StrEnum):
    QUEUED = "queued"
    LAUNCHING = "launching"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return not _NEXT[self]


# A lost machine sends a job back from running to launching: its next attempt.
_NEXT: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.LAUNCHING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.LAUNCHING: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.LAUNCHING, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED},
    ),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


_RETRIED = "retried"
_RUN_ENDS = {JobStatus.SUCCEEDED.value, JobStatus.FAILED.value, JobStatus.CANCELLED.value}


@dataclass(frozen=True)
class TimelineEvent:
    """One thing that happened to a job: `event` a stable word, `at` RFC 3339 UTC, `detail` a plain sentence."""

    event: str
    at: str
    detail: str = ""


@dataclass(frozen=True)
class JobError:
    """Why a job failed. `code` is a key of failure_catalog.py; `advice` says who must do what."""

    code: str
    message: str
    advice: str


@dataclass(frozen=True)
class Run:
    """One carrying-out of a job by one workflow execution: number 1, or a later one after a retry."""

    owner: str
    job_id: str
    number: int = 1

    @property
    def name(self) -> str:
        """The execution's name. Step Functions keeps a name taken for 90 days, so each run has its own."""
        return self.job_id if self.number == 1 else f"{self.job_id}-{self.number}"


@dataclass(frozen=True)
class MachineReceipt:
    """The receipt of one machine. Times RFC 3339 UTC; `verified` says how its termination was seen.

    `commands` are the ids of the commands it was sent: the script's, then any that only stored its result.
    `hourly_micro_usd` is the price of machine, disk and address as it was at the launch, None where it was not known;
    `burst_micro_usd` what an hour with busy processors may cost on top, 0 for a type that does not burst.
    """

    instance_id: str
    run: int
    attempt: int
    instance_type: str
    market: str
    zone: str
    image_id: str
    launched_at: str
    terminated_at: str | None = None
    verified: str | None = None
    commands: tuple[str, ...] = ()
    hourly_micro_usd: int | None = None
    prepared_at: str | None = None
    burst_micro_usd: int = 0

    @property
    def most_hourly_micro_usd(self) -> int | None:
        """What an hour of it may cost."""
        return None if self.hourly_micro_usd is None else self.hourly_micro_usd + self.burst_micro_usd

    def ended(self, at: str, verified: str) -> MachineReceipt:
        """This record with its end; the first end seen stays."""
        return self if self.terminated_at else replace(self, terminated_at=at, verified=verified)


@dataclass(frozen=True)
class Overrides:
    """What one job has otherwise than its stack's other jobs; None is as they have it."""

    instance_type: str | None = None
    timeout_minutes: int | None = None


NO_OVERRIDES = Overrides()


@dataclass(frozen=True)
class Program:
    """What a machine was given to run: the payload by its SHA-256 (hex), and the command's words."""

    payload_sha256: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class StoredManifest:
    """Where the manifest of a succeeded job is (`bucket/key`), and its SHA-256 (hex)."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Job:
    """A job as the table keeps it. Paths are `bucket/key`, sizes bytes, times RFC 3339 UTC.

    `attempts` counts launched attempts over all runs, so that no two share an output key; `instance_id`,
    `command_id` and `program` belong to the latest one. `revision` grows by one with every write, for
    optimistic locking.
    """

    owner: str
    id: str
    filename: str
    size: int
    input_text: str
    input_file_path: str
    created_at: str
    updated_at: str
    status: JobStatus = JobStatus.QUEUED
    output_file_path: str | None = None
    output_size: int | None = None
    attempts: int = 0
    instance_id: str | None = None
    command_id: str | None = None
    error: JobError | None = None
    timeline: tuple[TimelineEvent, ...] = field(default=())
    expires_at: int | None = None
    revision: int = 1
    run: int = 1
    machines: tuple[MachineReceipt, ...] = field(default=())
    overrides: Overrides = NO_OVERRIDES
    output_suffix: str = ""
    program: Program | None = None
    manifest: StoredManifest | None = None
    batch: str | None = None

    @property
    def this_run(self) -> Run:
        return Run(self.owner, self.id, self.run)

    @property
    def output_filename(self) -> str:
        """The result's name: the input's, and what the stack adds to it."""
        return self.filename + self.output_suffix

    @property
    def manifest_sha256(self) -> str | None:
        return self.manifest.sha256 if self.manifest else None

    def is_expired(self, moment: datetime) -> bool:
        """Whether it has ended and is kept no longer; DynamoDB removes its record within days."""
        return self.status.is_terminal and self.expires_at is not None and self.expires_at <= moment.timestamp()

    def machine(self, instance_id: str | None) -> MachineReceipt | None:
        """The record of one of this job's machines."""
        return next((known for known in self.machines if known.instance_id == instance_id), None)

    def noted(self, *events: TimelineEvent) -> Job:
        """This job with events added; one that this run has already (same word, same detail) is not added twice.

        A run that has MAX_EVENTS_PER_RUN events takes no more of them.
        """
        fresh = self._fresh(events)
        return self._with_events(fresh[: max(0, MAX_EVENTS_PER_RUN - len(_runs(self.timeline)[-1]))])

    def _fresh(self, events: Iterable[TimelineEvent]) -> list[TimelineEvent]:
        """The events, each once and clipped, that this run does not have."""
        present = {(known.event, known.detail) for known in _runs(self.timeline)[-1]}
        fresh = []
        for each in events:
            event = replace(each, detail=clipped(each.detail, MAX_DETAIL_BYTES))
            if (event.event, event.detail) not in present:
                present.add((event.event, event.detail))
                fresh.append(event)
        return fresh

    def _with_events(self, events: Iterable[TimelineEvent]) -> Job:
        added = tuple(events)
        return replace(self, timeline=self.timeline + added) if added else self

    def moved(self, status: JobStatus, *events: TimelineEvent) -> Job:
        """This job in another status. Moving to the status it has is a no-op, so a repeated step does no harm.

        Raises:
            IllegalTransition: the table above does not lead from here to `status`.
        """
        if status == self.status:
            return self.noted(*events)
        if status not in _NEXT[self.status]:
            raise IllegalTransition(f"job {self.id} cannot go from {self.status} to {status}")
        return replace(self._with_events(self._fresh(events)), status=status)

    def retried(self, at: str, expires_at: int | None = None) -> Job:
        """This job waiting again, in a new run, with nothing left of the last one but its history.

        `expires_at` is until when it is kept now, in seconds since 1970.

        Raises:
            IllegalTransition: the job has not ended, or it has succeeded.
            TooManyRuns: it has been run as often as a job may.
        """
        if self.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
            raise IllegalTransition(f"job {self.id} cannot be retried: it is {self.status}")
        if self.run >= MAX_RUNS or self.attempts >= MAX_ATTEMPTS:
            raise TooManyRuns(
                f"Job {self.id} has had {self.run} runs and {self.attempts} machines; a job can be run again until it "
                f"has {MAX_RUNS} runs or {MAX_ATTEMPTS} machines. Run its file as a new job instead (POST /jobs/"
                f"{self.id}/copy, then POST /jobs).",
                field="job_id",
            )
        event = TimelineEvent(_RETRIED, at, f"Waiting for a machine again, run {self.run + 1}.")
        return replace(
            self,
            status=JobStatus.QUEUED,
            run=self.run + 1,
            timeline=(*_outlined(self.timeline, EVENTS_KEPT_ON_RETRY - 1), event),
            error=None,
            instance_id=None,
            command_id=None,
            program=None,
            expires_at=expires_at or self.expires_at,
        )

    def with_command(self, instance_id: str, command_id: str, *, is_late: bool = False) -> Job:
        """This job with a command that its machine was sent; one that `is_late` is not what the job waits for."""
        machine = self.machine(instance_id)
        job = self.with_machine(replace(machine, commands=(*machine.commands, command_id))) if machine else self
        return job if is_late else replace(job, command_id=command_id)

    def with_machine(self, machine: MachineReceipt) -> Job:
        """This job with the machine's record, in the place of an earlier state of it."""
        if self.machine(machine.instance_id) is not None:
            known = tuple(machine if known.instance_id == machine.instance_id else known for known in self.machines)
            return replace(self, machines=known)
        return replace(self, machines=(*self.machines, machine))


def _runs(timeline: Iterable[TimelineEvent]) -> list[list[TimelineEvent]]:
    """The events of each run, at least one list; a run begins with the event `retried`."""
    runs: list[list[TimelineEvent]] = [[]]
    for event in timeline:
        if event.event == _RETRIED and runs[-1]:
            runs.append([])
        runs[-1].append(event)
    return runs


def _outline(run: list[TimelineEvent]) -> list[TimelineEvent]:
    """How a run began and how it ended."""
    return [*run[:1], *(event for event in run[1:] if event.event in _RUN_ENDS)]


def _outlined(timeline: tuple[TimelineEvent, ...], most: int) -> tuple[TimelineEvent, ...]:
    """The timeline, with as many of its oldest runs in outline as it takes to have at most `most` events."""
    runs, total = _runs(timeline), len(timeline)
    for number, run in enumerate(runs):
        if total <= most:
            break
        runs[number] = _outline(run)
        total -= len(run) - len(runs[number])
    return tuple(event for run in runs for event in run)
