"""Several records of a run where jobs and scheduling are kept in two tables in memory."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from functions.aws.run_reader import DynamoRunReader
from functions.jobs.errors import JobUnreadable

if TYPE_CHECKING:
    from functions.aws.scheduling_table import DynamoSchedulingTable
    from functions.jobs.job import Job, Run
    from functions.jobs.ports import JobTable
    from functions.scheduling.ports import Slot


class SeparateReads:
    """The real reader over the table of `scheduling`, but for the job, which is in `jobs`."""

    def __init__(self, jobs: JobTable, scheduling: DynamoSchedulingTable) -> None:
        self._jobs = jobs
        self._reader = DynamoRunReader(scheduling._client, scheduling._table)

    def job_and_slot(self, run: Run) -> tuple[Job | None, Slot | None]:
        return self._job(run), self._reader.job_and_slot(run)[1]

    def before_launch(self, run: Run) -> tuple[Job | None, Slot | None, bool]:
        _, slot, is_leased = self._reader.before_launch(run)
        return self._job(run), slot, is_leased

    def at_end(self, run: Run) -> tuple[Job | None, Slot | None, bool]:
        _, slot, is_waiting = self._reader.at_end(run)
        job = None
        with suppress(JobUnreadable):
            job = self._job(run)
        return job, slot, is_waiting

    def _job(self, run: Run) -> Job | None:
        return self._jobs.get(run.owner, run.job_id)
