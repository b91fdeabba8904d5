"""A job, and the table that keeps them, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from functions.aws.job_table import DynamoJobTable
from functions.jobs.job import Job, Run
from simulation.dynamodb import TABLE, DynamoDb

T = TypeVar("T")

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


class MemoryJobTable(DynamoJobTable):
    """The real one, over a DynamoDB in memory."""

    def __init__(self, *jobs: Job) -> None:
        self._db = DynamoDb()
        super().__init__(self._db.client, TABLE)
        for job in jobs:
            self.add(job)

    def beside(self, table: Callable[[Any, str], T]) -> T:
        """Another adapter, over the same table."""
        return table(self._client, self._table)

    @property
    def only(self) -> Job:
        (key,) = (key for key in self._db.items if not key[0].startswith("#"))
        job = self.get(*key)
        assert job
        return job

    def remove(self, owner: str, job_id: str) -> None:
        """As DynamoDB does with a record whose time is over."""
        self._db.write((owner, job_id), None)
