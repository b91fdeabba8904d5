"""A job table whose writes are measured: the ends of runs, and the ends of their machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from functions.aws.job_table import DynamoJobTable
from functions.jobs.job import Job
from functions.monitoring.metrics import MetricsSink, ended

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class MeasuredJobTable(DynamoJobTable):
    """A DynamoJobTable that records what each write has ended."""

    def __init__(self, client: DynamoDBClient, table: str, metrics: MetricsSink) -> None:
        super().__init__(client, table)
        self._metrics = metrics

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job], known: Job | None = None) -> Job:
        read: list[Job] = []

        def noticed(job: Job) -> Job:
            read.append(job)
            return change(job)

        written = super().update(owner, job_id, noticed, known)
        # The last one read is the one that the write was made of; what was read before it had changed meanwhile.
        if found := list(ended(read[-1], written)):
            self._metrics.record(found)
        return written
