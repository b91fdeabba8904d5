"""The jobs that are watched together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from mayfly.client import JobClient
from mayfly.job import TERMINAL, Job
from mayfly.job_list import all_jobs, jobs_of_batch

NEWEST = 200  # where no batch is named; a list without an end would be read otherwise


class WatchList:
    """Those of a batch, also what is added to it, or those of the newest that have not ended."""

    def __init__(self, client: JobClient, batch: str | None) -> None:
        """Reads them. Raises UsageProblem: the batch has none."""
        self._client = client
        self._batch = batch
        if batch is not None:
            found = jobs_of_batch(client, batch)
        else:
            found = [job for job in islice(all_jobs(client), NEWEST) if job["status"] not in TERMINAL]
        self._jobs: dict[str, Job] = {job["id"]: job for job in found}

    @property
    def jobs(self) -> Sequence[Job]:
        """In the order in which they were submitted: ids sort by time."""
        return [self._jobs[job_id] for job_id in sorted(self._jobs)]

    @property
    def open_ids(self) -> set[str]:
        return {job_id for job_id, job in self._jobs.items() if job["status"] not in TERMINAL}

    def refresh(self) -> None:
        """Reads the list down to the oldest that has not ended; one that is gone was deleted."""
        missing = self.open_ids
        for job in all_jobs(self._client, self._batch):
            if self._batch is not None or job["id"] in self._jobs:
                self._jobs[job["id"]] = job
            missing.discard(job["id"])
            if not missing:
                return
        for job_id in missing:
            del self._jobs[job_id]
