"""The job table. Hash key `owner`, range key `id`; job ids sort by time, so a query backwards lists newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from functions.aws.attribute_values import Item, serialize_item
from functions.aws.dynamo_table import DynamoTable, item_key, set_and_remove
from functions.aws.job_items import JOB_FIELDS, OPEN_INDEX, from_item, to_item
from functions.aws.tombstone_items import DELETED, is_tombstone, tombstone_item, tombstone_of
from functions.cleanup.deletion import Tombstone
from functions.jobs.clock import now
from functions.jobs.errors import ConcurrentChange, JobConflict, JobNotFound, JobUnreadable, RecordRefused
from functions.jobs.isolation import readable
from functions.jobs.job import Job
from functions.jobs.ports import JobPage

_TRIES = 10
# A filter is applied after the read: as many records at a time, and so many times, are looked through for a batch.
_FILTERED_LIMIT = 200
_FILTERED_READS = 10
# So many reads of a page ask for no more than it lacks.
_EXACT_READS = 3


class DynamoJobTable(DynamoTable):
    """functions.jobs.ports.JobTable over DynamoDB."""

    def add(self, job: Job) -> Job | None:
        is_new, known = self._write(
            self._client.put_item,
            "attribute_not_exists(id)",
            Item=serialize_item(to_item(job)),
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        if not is_new and is_tombstone(known):
            raise JobConflict(f"Job {job.id} was deleted; ask for a new upload.", field="job_id")
        return None if is_new else _job(known)

    def get(self, owner: str, job_id: str) -> Job | None:
        return job_of(self._get(item_key(owner, job_id)))

    def page(self, owner: str, limit: int, before: str | None, batch: str | None = None) -> JobPage:
        items: list[Item] = []
        last: Item | None = item_key(owner, before) if before else {}
        of_batch: Any = {"values": {":batch": batch}, "FilterExpression": "#batch = :batch"} if batch else {}
        reads = 0
        while last is not None and len(items) < limit and (batch is None or reads < _FILTERED_READS):
            # Where deleted jobs are in the way again and again, there may be thousands more.
            most = limit - len(items) if batch is None and reads < _EXACT_READS else _FILTERED_LIMIT
            found, last = self._page(owner, after=last, Limit=most, ScanIndexForward=False, **of_batch)
            items += [item for item in found if not is_tombstone(item)]
            reads += 1
        if len(items) > limit:
            del items[limit:]
            last = items[-1]
        jobs = readable(_job, items, lambda item: item["id"])
        return JobPage(tuple(jobs), last["id"] if last else None)

    def open_keys(self) -> Iterator[tuple[str, str]]:
        return self._indexed(OPEN_INDEX)

    def unpurged(self) -> Iterator[tuple[str, str]]:
        return self._indexed(DELETED)

    def _indexed(self, value: str) -> Iterator[tuple[str, str]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=OPEN_INDEX,
            KeyConditionExpression="#open = :open",
            ExpressionAttributeNames={"#open": OPEN_INDEX},
            ExpressionAttributeValues={":open": {"S": value}},
        )
        for page in pages:
            for keys in page["Items"]:
                yield keys["owner"]["S"], keys["id"]["S"]

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job], known: Job | None = None) -> Job:
        for _ in range(_TRIES):
            before, known = known or self.get(owner, job_id), None
            if before is None:
                raise JobNotFound(f"There is no job {job_id}.", field="job_id")
            after = change(before)
            if after == before:
                return before
            after = replace(after, updated_at=now(), revision=before.revision + 1)
            if self._write_changes(before, after):
                return after
        raise ConcurrentChange(f"job {job_id} kept changing in {_TRIES} tries to write it")

    def bury(self, job: Job, tombstone: Tombstone) -> bool:
        return self._put(tombstone_item(tombstone), "#revision = :expected", {":expected": job.revision})

    def tombstone(self, owner: str, job_id: str) -> Tombstone | None:
        item = self._get(item_key(owner, job_id))
        return tombstone_of(item) if item and is_tombstone(item) else None

    def note_purge(self, tombstone: Tombstone) -> None:
        self._update(item_key(tombstone.owner, tombstone.job_id), "SET is_purged = :yes", {":yes": True})

    def note_last_purge(self, tombstone: Tombstone) -> None:
        self._update(item_key(tombstone.owner, tombstone.job_id), f"REMOVE #{OPEN_INDEX}")

    def _write_changes(self, before: Job, after: Job) -> bool:
        """Writes the attributes that differ, if the revision is still `before`'s. Whether it was."""
        changed = [name for name in JOB_FIELDS if getattr(before, name) != getattr(after, name)]
        old, new = to_item(before, changed), to_item(after, changed)
        written = {name: value for name, value in new.items() if old.get(name) != value}
        removed = [name for name in old if name not in new]
        try:
            answer = self._update(
                item_key(before.owner, before.id),
                set_and_remove(written, removed),
                {":expected": old["revision"], **{f":{name}": value for name, value in written.items()}},
                "#revision = :expected",
            )
        except ClientError as error:
            # An item above 400 KB gets the same error code as any invalid one; only the message differs.
            if error.response["Error"]["Code"] == "ValidationException":
                raise RecordRefused(f"the record of job {after.id}: {error.response['Error']['Message']}") from error
            raise
        return answer is not None


def job_of(item: Item | None) -> Job | None:
    """The job of an item; None where there is no item, or the tombstone of a deleted job.

    Raises:
        JobUnreadable: this version cannot read it.
    """
    return None if item is None or is_tombstone(item) else _job(item)


def _job(item: Item) -> Job:
    try:
        return from_item(item)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise JobUnreadable(f"the record of job {item['id']} cannot be read: {error!r}") from error
