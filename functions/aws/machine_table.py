"""Which job a machine belongs to and which tokens wait for it, in the job table under reserved `#` partition keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from functions.aws.attribute_values import Item
from functions.aws.dynamo_table import DynamoTable, item_key
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
        item = item_key(_OWNER, machine.instance_id) | {
            "job_owner": machine.owner,
            "job_id": machine.job_id,
            "attempt": machine.attempt,
            "expires_at": _now() + _KEEP_SECONDS,
        }
        # A launch step may be repeated; a token that is stored here must not be lost.
        self._put(item, "attribute_not_exists(id)")

    def waiter(self, instance_id: str) -> TaskWaiter | None:
        item = self._get(item_key(_OWNER, instance_id))
        return _waiter(item) if item else None

    def store_token(self, instance_id: str, token: str) -> TaskWaiter:
        # Storing a token consumes the event: left there, it would end every later wait for the same machine at once.
        before = self._store_token(instance_id, "SET #token = :value REMOVE #event", token)
        return replace(_waiter(before), token=token, end_token=None)

    def store_end_token(self, instance_id: str, token: str) -> bool:
        return "ended" in self._store_token(instance_id, "SET #end_token = :value REMOVE #token, #event", token)

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> TaskWaiter | None:
        # The token stays: should waking fail, the event's next delivery finds it again.
        before = self._change(instance_id, "SET #event = :value" + (", #ended = :value" if is_end else ""), event_name)
        return None if before is None else replace(_waiter(before), has_event=True)

    def has_event(self, instance_id: str) -> bool:
        return "event" in (self._get(item_key(_OWNER, instance_id)) or {})

    def has_ended(self, instance_id: str) -> bool:
        return "ended" in (self._get(item_key(_OWNER, instance_id)) or {})

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        until = _now() + _QUEUE_SECONDS
        self._put_all(item_key(_ENDS, one) | {"expires_at": until} for one in instance_ids)

    def queued_ends(self) -> Sequence[str]:
        items = self._all(_ENDS, values={":now": _now()}, FilterExpression="expires_at > :now")
        return [item["id"] for item in items]

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None:
        self._delete_all(item_key(_ENDS, one) for one in instance_ids)

    def _store_token(self, instance_id: str, expression: str, token: str) -> Item:
        before = self._change(instance_id, expression, token)
        if before is None:
            raise LookupError(f"{instance_id} was never registered as a machine")
        return before

    def _change(self, instance_id: str, expression: str, value: str) -> Item | None:
        """The item as it was before the change, None when there is none."""
        key, values = item_key(_OWNER, instance_id), {":value": value}
        return self._update(key, expression, values, "attribute_exists(id)", ReturnValues="ALL_OLD")


def _now() -> int:
    """Seconds since 1970."""
    return int(clock.utc_now().timestamp())


def _waiter(item: Item) -> TaskWaiter:
    machine = MachineAssignment(item["id"], item["job_owner"], item["job_id"], item["attempt"])
    return TaskWaiter(machine, item.get("token"), "event" in item, item.get("end_token"))
