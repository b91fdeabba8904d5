"""Which job a machine belongs to and which tokens wait for it, in the job table under reserved `#` partition keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from functions.aws.batch_writes import write_all
from functions.execution.ports import MachineAssignment, TaskWaiter
from functions.jobs import clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#machine"
_KEEP_SECONDS = 7 * 86_400
_NAMES = ("token", "end_token", "event", "ended")
# Machines queued for termination, and for how long. Expired items stay until DynamoDB gets to them.
_ENDS = "#end"
_QUEUE_SECONDS = 300


class DynamoMachineTable:
    """functions.execution.ports.MachineTable over DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, machine: MachineAssignment) -> None:
        item = _key(machine.instance_id) | {
            "job_owner": {"S": machine.owner},
            "job_id": {"S": machine.job_id},
            "attempt": {"N": str(machine.attempt)},
            "expires_at": {"N": str(int(clock.utc_now().timestamp()) + _KEEP_SECONDS)},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(id)")
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # a repeated launch step; a token that is stored here must not be lost

    def waiter(self, instance_id: str) -> TaskWaiter | None:
        item = self._get(instance_id)
        return _waiter(item) if item else None

    def store_token(self, instance_id: str, token: str) -> TaskWaiter:
        # Storing a token consumes the event: left there, it would end every later wait for the same machine at once.
        before = self._store_token(instance_id, "SET #token = :value REMOVE #event", token)
        return TaskWaiter(_machine(before), token, "event" in before)

    def store_end_token(self, instance_id: str, token: str) -> bool:
        return "ended" in self._store_token(instance_id, "SET #end_token = :value REMOVE #token, #event", token)

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> TaskWaiter | None:
        # The token stays: should waking fail, the event's next delivery finds it again.
        before = self._change(instance_id, "SET #event = :value" + (", #ended = :value" if is_end else ""), event_name)
        return None if before is None else replace(_waiter(before), has_event=True)

    def has_event(self, instance_id: str) -> bool:
        return "event" in self._get(instance_id)

    def has_ended(self, instance_id: str) -> bool:
        return "ended" in self._get(instance_id)

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        until = {"N": str(int(clock.utc_now().timestamp()) + _QUEUE_SECONDS)}
        items = [{"owner": {"S": _ENDS}, "id": {"S": one}, "expires_at": until} for one in instance_ids]
        write_all(self._client, self._table, [{"PutRequest": {"Item": item}} for item in items])

    def queued_ends(self) -> Sequence[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#owner = :owner",
            FilterExpression="expires_at > :now",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": _ENDS}, ":now": {"N": str(int(clock.utc_now().timestamp()))}},
            ConsistentRead=True,
        )
        return [item["id"]["S"] for page in pages for item in page["Items"]]

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None:
        keys = [{"owner": {"S": _ENDS}, "id": {"S": one}} for one in instance_ids]
        write_all(self._client, self._table, [{"DeleteRequest": {"Key": key}} for key in keys])

    def _get(self, instance_id: str) -> dict[str, Any]:
        return self._client.get_item(TableName=self._table, Key=_key(instance_id), ConsistentRead=True).get("Item", {})

    def _store_token(self, instance_id: str, expression: str, token: str) -> dict[str, Any]:
        before = self._change(instance_id, expression, token)
        if before is None:
            raise LookupError(f"{instance_id} was never registered as a machine")
        return before

    def _change(self, instance_id: str, expression: str, value: str) -> dict[str, Any] | None:
        """The item as it was before the change, None when there is none."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(instance_id),
                UpdateExpression=expression,
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeNames={f"#{name}": name for name in _NAMES if f"#{name}" in expression},
                ExpressionAttributeValues={":value": {"S": value}},
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return answer["Attributes"]


def _waiter(item: dict[str, Any]) -> TaskWaiter:
    token, end_token = (item.get(name, {}).get("S") for name in ("token", "end_token"))
    return TaskWaiter(_machine(item), token, "event" in item, end_token)


def _machine(item: dict[str, Any]) -> MachineAssignment:
    return MachineAssignment(item["id"]["S"], item["job_owner"]["S"], item["job_id"]["S"], int(item["attempt"]["N"]))


def _key(instance_id: str) -> dict[str, Any]:
    return {"owner": {"S": _OWNER}, "id": {"S": instance_id}}
