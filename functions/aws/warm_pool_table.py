"""The pool's machines, in the job table under a reserved `#` partition key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.isolation import readable
from functions.scheduling.warm_pool_ports import Claim, PooledMachine

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#pool"
# For a stack that has no pool, and so no reconciler, any more.
_KEEP_SECONDS = 30 * 86_400
_UNCLAIMED = "attribute_exists(id) AND attribute_not_exists(#token)"
_CLAIMED_AS_READ = "#token = :token AND claimed_at = :claimed_at"


class DynamoWarmPoolTable:
    """functions.scheduling.warm_pool_ports.PoolTable over DynamoDB. Every read is strongly consistent.

    The first write of a machine, alone, has no condition: EC2 gives no id twice.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, machines: Sequence[PooledMachine]) -> None:
        for machine in machines:
            facts = {
                "instance_type": machine.instance_type,
                "zone": machine.zone,
                "image_id": machine.image_id,
                "prepared_at": machine.prepared_at,
            }
            item = _key(machine.instance_id) | {name: {"S": value} for name, value in facts.items()}
            item["expires_at"] = {"N": str(int(clock.utc_now().timestamp()) + _KEEP_SECONDS)}
            self._client.put_item(TableName=self._table, Item=item)

    def machines(self) -> Sequence[PooledMachine]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": _OWNER}},
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        return readable(pooled_machine, items, lambda item: item["id"]["S"])

    def ask_stop(self, instance_id: str) -> bool:
        return self._change(
            instance_id, "SET stop_asked_at = :now", f"{_UNCLAIMED} AND attribute_not_exists(is_ready)", {":now": now()}
        )

    def make_ready(self, machine: PooledMachine) -> bool:
        return self._change(
            machine.instance_id,
            "SET is_ready = :yes",
            f"{_UNCLAIMED} AND stop_asked_at = :stop_asked_at",
            {":yes": "yes", ":stop_asked_at": machine.stop_asked_at or ""},
        )

    def claim(self, instance_id: str, token: str) -> PooledMachine | None:
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(instance_id),
                UpdateExpression="SET #token = :token, claimed_at = :now",
                ConditionExpression="attribute_exists(is_ready) AND (attribute_not_exists(#token) OR #token = :token)",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": {"S": token}, ":now": {"S": now()}},
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None
        return pooled_machine(answer["Attributes"])

    def release(self, machine: PooledMachine) -> bool:
        if machine.claim is None:
            return False
        return self._change(
            machine.instance_id, "REMOVE #token, claimed_at", _CLAIMED_AS_READ, _values_of(machine.claim)
        )

    def remove(self, machine: PooledMachine) -> bool:
        condition = _CLAIMED_AS_READ if machine.claim else _UNCLAIMED
        values = _values_of(machine.claim) if machine.claim else {}
        given: dict[str, Any] = {"ExpressionAttributeValues": _serialized(values)} if values else {}
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_key(machine.instance_id),
                ConditionExpression=condition,
                ExpressionAttributeNames={"#token": "token"},
                **given,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _change(self, instance_id: str, expression: str, condition: str, values: Mapping[str, str]) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(instance_id),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues=_serialized(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _values_of(claim: Claim) -> dict[str, str]:
    return {":token": claim.token, ":claimed_at": claim.at}


def _serialized(values: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in values.items()}


def _key(instance_id: str) -> dict[str, Any]:
    return {"owner": {"S": _OWNER}, "id": {"S": instance_id}}


def pooled_machine(item: Mapping[str, Any]) -> PooledMachine:
    """A machine of the pool, as its item has it."""
    texts = {name: value["S"] for name, value in item.items() if "S" in value}
    return PooledMachine(
        instance_id=texts["id"],
        instance_type=texts["instance_type"],
        zone=texts["zone"],
        image_id=texts["image_id"],
        prepared_at=texts["prepared_at"],
        stop_asked_at=texts.get("stop_asked_at"),
        is_ready="is_ready" in texts,
        claim=Claim(texts["token"], texts["claimed_at"]) if "token" in texts else None,
    )
