"""The job: its record, its statuses and the only legal ways between them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from functions.jobs.errors import IllegalTransition


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


@dataclass(frozen=True)
class TimelineEvent:
    """One thing that happened to a job: `event` a stable word, `at` RFC 3339 UTC, `detail` a plain sentence."""

    event: str
    at: str
    detail: str = ""


@dataclass(frozen=True)
class JobError:
    """Why a job failed. `code` is a key of advice.py; `advice` says who must do what."""

    code: str
    message: str
    advice: str


@dataclass(frozen=True)
class Job:
    """A job as the table keeps it. Paths are `bucket/key`, sizes bytes, times RFC 3339 UTC.

    `attempts` counts launched attempts; `instance_id` and `command_id` belong to the latest one. `revision` grows by
    one with every write and is what concurrent writers are told apart by.
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

    def noted(self, *events: TimelineEvent) -> Job:
        """This job with events added; one that is there already (same word, same detail) is not added twice."""
        present = {(known.event, known.detail) for known in self.timeline}
        fresh = tuple(event for event in events if (event.event, event.detail) not in present)
        return replace(self, timeline=self.timeline + fresh) if fresh else self

    def moved(self, status: JobStatus, *events: TimelineEvent) -> Job:
        """This job in another status. Moving to the status it has is a no-op, so a repeated step does no harm.

        Raises:
            IllegalTransition: the table above does not lead from here to `status`.
        """
        if status == self.status:
            return self.noted(*events)
        if status not in _NEXT[self.status]:
            raise IllegalTransition(f"job {self.id} cannot go from {self.status} to {status}")
        return replace(self, status=status).noted(*events)
