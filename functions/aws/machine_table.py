"""Which job a machine belongs to and which tokens wait for it, in the job table under reserved `#` partition keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from functions.aws.dynamo_table import DynamoTable
from functions.execution.ports import MachineAssignment, TaskWaiter
from functions.jobs import clock

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#machine"
_KEEP_SECONDS = 7 * 86_400
# Machines queued for termination, and for how long. Expired items stay until DynamoDB gets to them.
_ENDS = "#end"
_QUEUE_SECONDS = 300


class DynamoMachineTable(DynamoTable):
    """functions.execution.ports.MachineTable over DynamoDB."""

    def add(self, machine: MachineAssignment) -> None:
        item = _key(machine.instance_id) | {
            "job_owner": {"S": machine.owner},
            "job_id": {"S": machine.job_id},
            "attempt": {"N": str(machine.attempt)},
            "expires_at": {"N": str(int(clock.utc_now().timestamp()) + _KEEP_SECONDS)},
        }
        # A launch step may be repeated; a token that is stored here must not be lost.
        self._put(item, "attribute_not_exists(id)")

    def waiter(self, instance_id: str) -> TaskWaiter | None:
        item = self._get(_key(instance_id))
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
        return "event" in (self._get(_key(instance_id)) or {})

    def has_ended(self, instance_id: str) -> bool:
        return "ended" in (self._get(_key(instance_id)) or {})

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        until = {"N": str(int(clock.utc_now().timestamp()) + _QUEUE_SECONDS)}
        items = [{"owner": {"S": _ENDS}, "id": {"S": one}, "expires_at": until} for one in instance_ids]
        self._write_all([{"PutRequest": {"Item": item}} for item in items])

    def queued_ends(self) -> Sequence[str]:
        moment = {":now": {"N": str(int(clock.utc_now().timestamp()))}}
        return [item["id"]["S"] for item in self._all(_ENDS, values=moment, FilterExpression="expires_at > :now")]

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None:
        keys = [{"owner": {"S": _ENDS}, "id": {"S": one}} for one in instance_ids]
        self._write_all([{"DeleteRequest": {"Key": key}} for key in keys])

    def _store_token(self, instance_id: str, expression: str, token: str) -> dict[str, Any]:
        before = self._change(instance_id, expression, token)
        if before is None:
            raise LookupError(f"{instance_id} was never registered as a machine")
        return before

    def _change(self, instance_id: str, expression: str, value: str) -> dict[str, Any] | None:
        """The item as it was before the change, None when there is none."""
        return self._update(
            _key(instance_id), expression, {":value": {"S": value}}, "attribute_exists(id)", ReturnValues="ALL_OLD"
        )


def _waiter(item: dict[str, Any]) -> TaskWaiter:
    token, end_token = (item.get(name, {}).get("S") for name in ("token", "end_token"))
    return TaskWaiter(_machine(item), token, "event" in item, end_token)


def _machine(item: dict[str, Any]) -> MachineAssignment:
    return MachineAssignment(item["id"]["S"], item["job_owner"]["S"], item["job_id"]["S"], int(item["attempt"]["N"]))


def _key(instance_id: str) -> dict[str, Any]:
    return {"owner": {"S": _OWNER}, "id": {"S": instance_id}}
