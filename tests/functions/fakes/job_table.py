"""A job, and the table that keeps them, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from functions.cleanup.deletion import Tombstone
from functions.jobs.errors import JobConflict, JobNotFound
from functions.jobs.job import Job, Run
from functions.jobs.ports import JobPage

JOB_ID = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
OTHER_ID = "01926b3c-7f3f-7c2a-9d51-3f0a5b8c1e27"
RUN = Run("alice", JOB_ID)


def a_job(**changes: object) -> Job:
    job = Job(
        owner="alice",
        id=JOB_ID,
        filename="a b.txt",
        size=3,
        input_text="appended",
        input_file_path=f"uploads/inputs/alice/{JOB_ID}/a b.txt",
        created_at="2026-01-31T09:15:02.345Z",
        updated_at="2026-01-31T09:15:02.345Z",
    )
    return replace(job, **changes)  # type: ignore[arg-type]


@dataclass
class FakeJobTable:
    jobs: dict[tuple[str, str], Job] = field(default_factory=dict)
    tombstones: dict[tuple[str, str], Tombstone] = field(default_factory=dict)
    settled: set[tuple[str, str]] = field(default_factory=set)

    @staticmethod
    def of(*jobs: Job) -> FakeJobTable:
        return FakeJobTable({(job.owner, job.id): job for job in jobs})

    @property
    def only(self) -> Job:
        (job,) = self.jobs.values()
        return job

    def add(self, job: Job) -> Job | None:
        if (job.owner, job.id) in self.tombstones:
            raise JobConflict(f"Job {job.id} was deleted.", field="job_id")
        known = self.jobs.get((job.owner, job.id))
        if known is None:
            self.jobs[job.owner, job.id] = job
        return known

    def get(self, owner: str, job_id: str) -> Job | None:
        return self.jobs.get((owner, job_id))

    def page(self, owner: str, limit: int, before: str | None, batch: str | None = None) -> JobPage:
        mine = sorted((job for job in self.jobs.values() if job.owner == owner), key=lambda job: job.id, reverse=True)
        rest = [job for job in mine if (before is None or job.id < before) and batch in {None, job.batch}]
        return JobPage(tuple(rest[:limit]), rest[limit - 1].id if len(rest) > limit else None)

    def open_keys(self) -> list[tuple[str, str]]:
        return [key for key, job in self.jobs.items() if not job.status.is_terminal]

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        before = self.get(owner, job_id)
        if before is None:
            raise JobNotFound(f"no job {job_id}", field="job_id")
        after = change(before)
        if after != before:
            after = replace(after, revision=before.revision + 1)
        self.jobs[owner, job_id] = after
        return after

    def remove(self, owner: str, job_id: str) -> None:
        """As DynamoDB does with a record whose time is over."""
        self.jobs.pop((owner, job_id), None)

    def bury(self, job: Job, tombstone: Tombstone) -> bool:
        key = (job.owner, job.id)
        if key not in self.jobs or self.jobs[key].revision != job.revision:
            return False
        del self.jobs[key]
        self.tombstones[key] = tombstone
        return True

    def unpurged(self) -> list[tuple[str, str]]:
        return [key for key in self.tombstones if key not in self.settled]

    def tombstone(self, owner: str, job_id: str) -> Tombstone | None:
        return self.tombstones.get((owner, job_id))

    def purged_once(self, tombstone: Tombstone) -> None:
        self.tombstones[tombstone.owner, tombstone.job_id] = replace(tombstone, is_purged=True)

    def purged(self, tombstone: Tombstone) -> None:
        self.settled.add((tombstone.owner, tombstone.job_id))
