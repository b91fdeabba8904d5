"""Which job a machine belongs to and who waits for it: items beside the jobs, under an owner that nobody can be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from functions.jobs.ports import Machine, Waiter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#machine"
_KEEP_SECONDS = 7 * 86_400


class DynamoMachineTable:
    """functions.jobs.ports.MachineTable over DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, machine: Machine) -> None:
        item = _key(machine.instance_id) | {
            "job_owner": {"S": machine.owner},
            "job_id": {"S": machine.job_id},
            "attempt": {"N": str(machine.attempt)},
            "expires_at": {"N": str(int(time.time()) + _KEEP_SECONDS)},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(id)")
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # a repeated launch step; the token that may be parked here must not be lost

    def park(self, instance_id: str, token: str) -> Waiter:
        # News is taken along with parking: left there, it would end every later wait of the same machine at once.
        before = self._change(instance_id, "SET #token = :value REMOVE #news", token)
        if before is None:
            raise LookupError(f"{instance_id} was never registered as a machine")
        return Waiter(_machine(before), token, "news" in before)

    def report(self, instance_id: str, news: str) -> Waiter | None:
        # The token stays: should waking fail, the event's next delivery finds it again.
        before = self._change(instance_id, "SET #news = :value", news)
        return Waiter(_machine(before), before.get("token", {}).get("S"), has_news=True) if before else None

    def has_news(self, instance_id: str) -> bool:
        item = self._client.get_item(TableName=self._table, Key=_key(instance_id), ConsistentRead=True).get("Item", {})
        return "news" in item

    def _change(self, instance_id: str, expression: str, value: str) -> dict[str, Any] | None:
        """The item as it was before the change, None when there is none."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(instance_id),
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeNames={f"#{name}": name for name in ("token", "news") if f"#{name}" in expression},
                ExpressionAttributeValues={":value": {"S": value}},
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return answer["Attributes"]


def _machine(item: dict[str, Any]) -> Machine:
    return Machine(item["id"]["S"], item["job_owner"]["S"], item["job_id"]["S"], int(item["attempt"]["N"]))


def _key(instance_id: str) -> dict[str, Any]:
    return {"owner": {"S": _OWNER}, "id": {"S": instance_id}}
