"""The job table's jobs: optimistic writes, and a stream that tells of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from botocore.exceptions import ClientError

from functions.cleanup.deletion import Tombstone
from functions.jobs.clock import now
from functions.jobs.errors import ConcurrentChange, JobConflict, JobNotFound, JobUnreadable, RecordRefused
from functions.jobs.job import Job
from functions.jobs.ports import JobPage
from simulation.calls import Calls, refused
from simulation.damage import Damage

# As functions/aws/job_table.py has it.
_TRIES = 10


class SimulatedJobTable:
    """functions.jobs.ports.JobTable in memory, with the calls and conditions of functions/aws/job_table.py.

    `on_write` hears of every write: the job before, if there was one, and after. `damaged` are the records, and the
    tombstones, that are not as they were written.
    """

    def __init__(self, calls: Calls) -> None:
        self.jobs: dict[tuple[str, str], Job] = {}
        self.tombstones: dict[tuple[str, str], Tombstone] = {}
        self.damaged: dict[tuple[str, str], Damage] = {}
        self._unpurged: dict[tuple[str, str], None] = {}
        self.on_write: list[Callable[[Job | None, Job], None]] = []
        self._calls = calls

    def add(self, job: Job) -> Job | None:
        def effect() -> Job | None:
            if (job.owner, job.id) in self.tombstones:
                raise JobConflict(f"Job {job.id} was deleted.", field="job_id")
            known = self._readable(job.owner, job.id)
            if known is None:
                self._write(None, job)
            return known

        return self._calls.make("dynamodb:PutItem", effect)

    def get(self, owner: str, job_id: str) -> Job | None:
        return self._calls.make("dynamodb:GetItem", lambda: self._readable(owner, job_id))

    def page(self, owner: str, limit: int, before: str | None, batch: str | None = None) -> JobPage:
        readable = (job for key, job in self.jobs.items() if not self._is_unreadable(key))
        mine = sorted((job for job in readable if job.owner == owner), key=lambda job: job.id, reverse=True)
        rest = [job for job in mine if (before is None or job.id < before) and batch in {None, job.batch}]
        return JobPage(tuple(rest[:limit]), rest[limit - 1].id if len(rest) > limit else None)

    def open_keys(self) -> list[tuple[str, str]]:
        def effect() -> list[tuple[str, str]]:
            is_open = (key for key, job in self.jobs.items() if not job.status.is_terminal)
            return [key for key in is_open if self.damaged.get(key) is not Damage.HALF_DELETED]

        return self._calls.make("dynamodb:Query", effect)

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        for _ in range(_TRIES):
            before = self.get(owner, job_id)
            if before is None:
                raise JobNotFound(f"There is no job {job_id}.", field="job_id")
            after = change(before)
            if after == before:
                return before
            after = replace(after, updated_at=now(), revision=before.revision + 1)
            try:
                written = self._write_changes(before, after)
            except RecordRefused:
                after = after.condensed()
                written = self._write_changes(before, after, is_condensed=True)
            if written:
                return after
        raise ConcurrentChange(f"job {job_id} kept changing in {_TRIES} tries to write it")

    def bury(self, job: Job, tombstone: Tombstone) -> bool:
        def effect() -> bool:
            key = (job.owner, job.id)
            known = self.jobs.get(key)
            if known is None or known.revision != job.revision:
                return False
            del self.jobs[key]
            self.damaged.pop(key, None)
            self.tombstones[key] = tombstone
            self._unpurged[key] = None
            return True

        return self._calls.make("dynamodb:PutItem", effect)

    def unpurged(self) -> list[tuple[str, str]]:
        return self._calls.make("dynamodb:Query", lambda: list(self._unpurged))

    def tombstone(self, owner: str, job_id: str) -> Tombstone | None:
        def effect() -> Tombstone | None:
            found = self.tombstones.get((owner, job_id))
            if found is not None and self._is_unreadable((owner, job_id)):
                raise KeyError("logs")
            return found

        return self._calls.make("dynamodb:GetItem", effect)

    def purged_once(self, tombstone: Tombstone) -> None:
        key = (tombstone.owner, tombstone.job_id)
        after = replace(tombstone, is_purged=True)
        self._calls.make("dynamodb:UpdateItem", lambda: self.tombstones.__setitem__(key, after))

    def purged(self, tombstone: Tombstone) -> None:
        key = (tombstone.owner, tombstone.job_id)
        self._calls.make("dynamodb:UpdateItem", lambda: self._unpurged.pop(key, None))

    def lose(self, key: tuple[str, str]) -> None:
        """Takes an item out, even if its job or tombstone is still needed."""
        self.jobs.pop(key, None)
        self.tombstones.pop(key, None)
        self._unpurged.pop(key, None)
        self.damaged.pop(key, None)

    def _is_unreadable(self, key: tuple[str, str]) -> bool:
        return key in self.damaged and self.damaged[key].is_unreadable

    def _readable(self, owner: str, job_id: str) -> Job | None:
        known = self.jobs.get((owner, job_id))
        if known is not None and self._is_unreadable((owner, job_id)):
            raise JobUnreadable(f"the record of job {job_id} cannot be read")
        return known

    def _write_changes(self, before: Job, after: Job, *, is_condensed: bool = False) -> bool:
        def effect() -> bool:
            damage = self.damaged.get((before.owner, before.id))
            if damage is Damage.TOO_LARGE or (damage is Damage.LARGE and not is_condensed):
                raise refused("dynamodb:UpdateItem", "ValidationException")
            return self._replace(before, after)

        try:
            return self._calls.make("dynamodb:UpdateItem", effect)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationException":
                raise RecordRefused(f"the record of job {after.id}") from error
            raise

    def _replace(self, before: Job, after: Job) -> bool:
        known = self.jobs.get((before.owner, before.id))
        if known is None or known.revision != before.revision:
            return False
        self._write(known, after)
        return True

    def _write(self, before: Job | None, after: Job) -> None:
        self.jobs[after.owner, after.id] = after
        self.damaged.pop((after.owner, after.id), None)
        for observer in self.on_write:
            observer(before, after)
