"""Several records of a run in one call."""

from __future__ import annotations

from contextlib import suppress

from functions.aws.dynamo_table import DynamoTable, item_key
from functions.aws.job_table import job_of
from functions.aws.scheduling_table import LEASE_KEY, entry_key, lease_state, slot_key, slot_or_none
from functions.jobs.errors import JobUnreadable
from functions.jobs.job import Job, Run
from functions.scheduling.ports import LeaseState, Slot


class DynamoRunReader(DynamoTable):
    """functions.scheduling.ports.RunReader over DynamoDB. Every read is strongly consistent, each item for itself.

    So a slot may be granted, and the entry removed, between the two: the holder of the lease ends a machine whose run
    is over (Scheduler.assign), and the sweeper frees its slot.
    """

    def job_and_slot(self, run: Run) -> tuple[Job | None, Slot | None]:
        job, slot = self._get_all(item_key(run.owner, run.job_id), slot_key(run))
        return job_of(job), slot_or_none(slot)

    def before_launch(self, run: Run) -> tuple[Job | None, Slot | None, LeaseState]:
        job, slot, lease = self._get_all(item_key(run.owner, run.job_id), slot_key(run), LEASE_KEY)
        return job_of(job), slot_or_none(slot), lease_state(lease, run.name)

    def at_end(self, run: Run) -> tuple[Job | None, Slot | None, bool]:
        item, slot, entry = self._get_all(item_key(run.owner, run.job_id), slot_key(run), entry_key(run))
        job = None
        with suppress(JobUnreadable):
            job = job_of(item)
        return job, slot_or_none(slot), entry is not None
