"""Deletes a job: a tombstone replaces its record, then its files and logs are removed, and once more later.

The tombstone keeps the id from being used again, since the execution of that name may still be known (Step Functions
keeps a name taken for 90 days), and has a later sweep remove objects stored after the deletion: a presigned URL of the
job works until it expires. A deletion that is interrupted after the tombstone is finished by the next sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import NotReady
from functions.jobs.job import Job
from functions.jobs.ports import JobFiles, JobTable, MachineLog
from functions.scheduling.ports import SchedulingTable

# A day more than Step Functions keeps an execution's name taken.
TOMBSTONE_KEPT = timedelta(days=91)


@dataclass(frozen=True)
class Tombstone:
    """What remains of a deleted job. Times RFC 3339 UTC; `logs` are pairs of a command's and its machine's id.

    `is_purged` once the job's objects have been removed; more may be stored until `purge_at`.
    """

    owner: str
    job_id: str
    deleted_at: str
    purge_at: str  # when every URL of the job has expired
    logs: tuple[tuple[str, str], ...] = ()
    is_purged: bool = False

    @property
    def expires_at(self) -> int:
        """Seconds since 1970."""
        return int((datetime.fromisoformat(self.deleted_at) + TOMBSTONE_KEPT).timestamp())


@dataclass(frozen=True)
class DeletionReceipt:
    """What was removed, in numbers; at `final_at` the job's last URL expires, and its files are removed again."""

    job_id: str
    deleted_at: str
    objects: int
    log_streams: int
    final_at: str


class DeletedJobs(JobTable, Protocol):
    """The job table, with the tombstones."""

    def bury(self, job: Job, tombstone: Tombstone) -> bool:
        """Replaces the job by the tombstone; False when the job has changed since it was read."""

    def unpurged(self) -> Iterable[tuple[str, str]]:
        """Owner and id of every deleted job whose files have to be removed once more."""

    def tombstone(self, owner: str, job_id: str) -> Tombstone | None: ...

    def note_purge(self, tombstone: Tombstone) -> None:
        """Records that the job's objects have been removed once."""

    def note_last_purge(self, tombstone: Tombstone) -> None:
        """Records that no object of the job can be stored any more."""


@dataclass(frozen=True)
class Deletion:
    """`url_life` is how long a presigned URL of the job may still work."""

    jobs: DeletedJobs
    files: JobFiles
    log: MachineLog
    queue: SchedulingTable
    url_life: timedelta

    def delete(self, job: Job) -> DeletionReceipt:
        """Removes a terminal job: its record, then input, output, manifest and log.

        Raises:
            NotReady: the job has not ended, a machine of it is launching or not confirmed terminated, or it was retried
                meanwhile.
        """
        if not job.status.is_terminal:
            raise NotReady(f"Job {job.id} is {job.status}; cancel it before deleting it.", field="job_id")
        # The batch is read before the slots: a run's slot is granted before its batch is forgotten.
        batch = self.queue.batch_under_way()
        if batch is not None and job.this_run in {run for run, _ in batch.attempts}:
            raise NotReady(
                f"A machine is being launched for job {job.id}; delete the job in a minute, when that has been undone.",
                field="job_id",
            )
        alive = [machine.instance_id for machine in job.machines if machine.terminated_at is None]
        alive += [slot.machine.instance_id for slot in self.queue.slots() if slot.run == job.this_run]
        if alive:
            raise NotReady(
                f"Job {job.id} still has the machine {alive[0]}, which is being terminated; delete the job once its "
                "timeline says that the machine is confirmed terminated, within a minute or two.",
                field="job_id",
            )
        deleted_at = now()
        logs = tuple((command, machine.instance_id) for machine in job.machines for command in machine.commands)
        tombstone = Tombstone(job.owner, job.id, deleted_at, clock.after(self.url_life), logs)
        if not self.jobs.bury(job, tombstone):
            raise NotReady(f"Job {job.id} was changed meanwhile, by a retry perhaps; look at it again.", field="job_id")
        objects, streams = purge(tombstone, self.files, self.log)
        self.jobs.note_purge(tombstone)
        return DeletionReceipt(job.id, deleted_at, objects, streams, tombstone.purge_at)


@dataclass(frozen=True)
class Purger:
    """The sweeper's part: finishes interrupted deletions, and removes later objects once no more can be stored."""

    jobs: DeletedJobs
    files: JobFiles
    log: MachineLog

    def purge(self, owner: str, job_id: str) -> bool:
        """Whether anything was to be done."""
        tombstone = self.jobs.tombstone(owner, job_id)
        if tombstone is None:
            return False
        is_last = clock.age(tombstone.purge_at) >= timedelta(0)
        if tombstone.is_purged and not is_last:
            return False
        purge(tombstone, self.files, self.log)
        (self.jobs.note_last_purge if is_last else self.jobs.note_purge)(tombstone)
        return True


def purge(tombstone: Tombstone, files: JobFiles, log: MachineLog) -> tuple[int, int]:
    """Removes all objects and logs of a deleted job; how many objects and log streams there were."""
    objects = files.delete_job(tombstone.owner, tombstone.job_id)
    return objects, sum(log.delete(command, instance_id) for command, instance_id in tombstone.logs)
