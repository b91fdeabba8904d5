"""What machines have cost, in the job table: for each day of launch and each owner a few items that add up.

An item has the sum and the ids of the machines that are in it, so one conditional write enters a machine once and not
twice. A few items rather than one: no item takes many writes at once, nor grows large, when thousands of machines end.
"""

from __future__ import annotations

import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions.jobs.isolation import isolated
from functions.scheduling.ports import Charge, DayLedger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#ledger/"
_ITEMS = 16
# Long enough to look back at a month.
_KEPT = timedelta(days=35)


class DynamoLedger:
    """The ledger of functions.scheduling.ports.SchedulingTable over DynamoDB. Every read is strongly consistent."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def charge(self, charge: Charge) -> None:
        number = zlib.crc32(charge.instance_id.encode()) % _ITEMS
        until = datetime.fromisoformat(charge.day).replace(tzinfo=UTC) + _KEPT
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"owner": {"S": _OWNER + charge.day}, "id": {"S": f"{charge.owner}/{number:02}"}},
                UpdateExpression="ADD micro_usd :cost, machines :these SET expires_at = :until",
                ConditionExpression="attribute_not_exists(machines) OR NOT contains(machines, :this)",
                ExpressionAttributeValues={
                    ":cost": {"N": str(charge.micro_usd)},
                    ":these": {"SS": [charge.instance_id]},
                    ":this": {"S": charge.instance_id},
                    ":until": {"N": str(int(until.timestamp()))},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it was entered before

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        spent: Counter[str] = Counter()
        machines: set[str] = set()
        of_owner: dict[str, Any] = {":prefix": {"S": f"{owner}/"}} if owner else {}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#owner = :day" + (" AND begins_with(id, :prefix)" if owner else ""),
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":day": {"S": _OWNER + day}, **of_owner},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                with isolated("read the ledger", item["id"]["S"]):
                    spent[item["id"]["S"].rpartition("/")[0]] += int(item["micro_usd"]["N"])
                    machines |= set(item["machines"]["SS"])
        return DayLedger(day, dict(spent), frozenset(machines))
