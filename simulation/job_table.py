"""The job table's jobs: optimistic writes, and a stream that tells of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from functions.jobs.clock import now
from functions.jobs.deletion import Tombstone
from functions.jobs.errors import ConcurrentChange, JobConflict, JobNotFound
from functions.jobs.job import Job
from functions.jobs.ports import JobPage
from simulation.calls import Calls

# As functions/aws/job_table.py has it.
_TRIES = 10


class SimulatedJobTable:
    """functions.jobs.ports.JobTable in memory, with the calls and conditions of functions/aws/job_table.py.

    `on_write` hears of every write: the job before, if there was one, and after.
    """

    def __init__(self, calls: Calls) -> None:
        self.jobs: dict[tuple[str, str], Job] = {}
        self.tombstones: dict[tuple[str, str], Tombstone] = {}
        self._unpurged: dict[tuple[str, str], None] = {}
        self.on_write: list[Callable[[Job | None, Job], None]] = []
        self._calls = calls

    def add(self, job: Job) -> Job | None:
        def effect() -> Job | None:
            if (job.owner, job.id) in self.tombstones:
                raise JobConflict(f"Job {job.id} was deleted.", field="job_id")
            known = self.jobs.get((job.owner, job.id))
            if known is None:
                self._write(None, job)
            return known

        return self._calls.make("dynamodb:PutItem", effect)

    def get(self, owner: str, job_id: str) -> Job | None:
        return self._calls.make("dynamodb:GetItem", lambda: self.jobs.get((owner, job_id)))

    def page(self, owner: str, limit: int, before: str | None, batch: str | None = None) -> JobPage:
        mine = sorted((job for job in self.jobs.values() if job.owner == owner), key=lambda job: job.id, reverse=True)
        rest = [job for job in mine if (before is None or job.id < before) and batch in {None, job.batch}]
        return JobPage(tuple(rest[:limit]), rest[limit - 1].id if len(rest) > limit else None)

    def open_keys(self) -> list[tuple[str, str]]:
        return self._calls.make(
            "dynamodb:Query", lambda: [key for key, job in self.jobs.items() if not job.status.is_terminal]
        )

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        for _ in range(_TRIES):
            before = self.get(owner, job_id)
            if before is None:
                raise JobNotFound(f"There is no job {job_id}.", field="job_id")
            after = change(before)
            if after == before:
                return before
            after = replace(after, updated_at=now(), revision=before.revision + 1)
            if self._calls.make("dynamodb:UpdateItem", partial(self._replace, before, after)):
                return after
        raise ConcurrentChange(f"job {job_id} kept changing in {_TRIES} tries to write it")

    def bury(self, job: Job, tombstone: Tombstone) -> bool:
        def effect() -> bool:
            key = (job.owner, job.id)
            known = self.jobs.get(key)
            if known is None or known.revision != job.revision:
                return False
            del self.jobs[key]
            self.tombstones[key] = tombstone
            self._unpurged[key] = None
            return True

        return self._calls.make("dynamodb:PutItem", effect)

    def unpurged(self) -> list[tuple[str, str]]:
        return self._calls.make("dynamodb:Query", lambda: list(self._unpurged))

    def tombstone(self, owner: str, job_id: str) -> Tombstone | None:
        return self._calls.make("dynamodb:GetItem", lambda: self.tombstones.get((owner, job_id)))

    def purged(self, tombstone: Tombstone) -> None:
        key = (tombstone.owner, tombstone.job_id)
        self._calls.make("dynamodb:UpdateItem", lambda: self._unpurged.pop(key, None))

    def _replace(self, before: Job, after: Job) -> bool:
        known = self.jobs.get((before.owner, before.id))
        if known is None or known.revision != before.revision:
            return False
        self._write(known, after)
        return True

    def _write(self, before: Job | None, after: Job) -> None:
        self.jobs[after.owner, after.id] = after
        for hears in self.on_write:
            hears(before, after)
