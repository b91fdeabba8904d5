"""Deleted jobs as items of the job table, in the place that the job's item had."""

from __future__ import annotations

from functions.aws.attribute_values import Item
from functions.aws.job_items import OPEN_INDEX
from functions.cleanup.deletion import Tombstone

# In the index of the jobs that have not ended: deleted jobs whose files have to be looked for once more.
DELETED = "deleted"


def is_tombstone(item: Item) -> bool:
    return "deleted_at" in item


def tombstone_item(tombstone: Tombstone) -> Item:
    facts = dict(vars(tombstone), id=tombstone.job_id, expires_at=tombstone.expires_at)
    del facts["job_id"]
    return facts | {OPEN_INDEX: DELETED}


def tombstone_of(item: Item) -> Tombstone:
    logs = tuple((command, machine) for command, machine in item["logs"])
    return Tombstone(item["owner"], item["id"], item["deleted_at"], item["purge_at"], logs, item["is_purged"])
