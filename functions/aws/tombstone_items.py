"""Deleted jobs as DynamoDB items, in the place that the job's item had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.aws.job_items import OPEN_INDEX
from functions.cleanup.deletion import Tombstone

# In the index of the jobs that have not ended: deleted jobs whose files have to be looked for once more.
DELETED = "deleted"


def is_tombstone(item: Mapping[str, Any]) -> bool:
    return "deleted_at" in item


def tombstone_item(tombstone: Tombstone) -> dict[str, Any]:
    return {
        "owner": {"S": tombstone.owner},
        "id": {"S": tombstone.job_id},
        "deleted_at": {"S": tombstone.deleted_at},
        "purge_at": {"S": tombstone.purge_at},
        "logs": {"L": [{"L": [{"S": command}, {"S": machine}]} for command, machine in tombstone.logs]},
        "expires_at": {"N": str(tombstone.expires_at)},
        "is_purged": {"BOOL": tombstone.is_purged},
        OPEN_INDEX: {"S": DELETED},
    }


def tombstone_of(item: Mapping[str, Any]) -> Tombstone:
    logs = tuple((pair["L"][0]["S"], pair["L"][1]["S"]) for pair in item["logs"]["L"])
    return Tombstone(
        item["owner"]["S"],
        item["id"]["S"],
        item["deleted_at"]["S"],
        item["purge_at"]["S"],
        logs,
        is_purged=item.get("is_purged", {}).get("BOOL", False),  # the first tombstones did not say
    )
