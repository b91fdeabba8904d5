"""The pool's machines, in the job table under a reserved `#` partition key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.aws.attribute_values import Item
from functions.aws.dynamo_table import DynamoTable, item_key
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.isolation import readable
from functions.scheduling.warm_pool_ports import Claim, PooledMachine

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#pool"
# For a stack that has no pool, and so no reconciler, any more.
_KEEP_SECONDS = 30 * 86_400
_UNCLAIMED = "attribute_exists(id) AND attribute_not_exists(#token)"
_CLAIMED_AS_READ = "#token = :token AND claimed_at = :claimed_at"
_FACTS = ("instance_type", "zone", "image_id", "prepared_at")


class DynamoWarmPoolTable(DynamoTable):
    """functions.scheduling.warm_pool_ports.PoolTable over DynamoDB.

    The first write of a machine, alone, has no condition: EC2 gives no id twice.
    """

    def add(self, machines: Sequence[PooledMachine]) -> None:
        for machine in machines:
            facts = {name: getattr(machine, name) for name in _FACTS}
            expires_at = int(clock.utc_now().timestamp()) + _KEEP_SECONDS
            self._put(item_key(_OWNER, machine.instance_id) | facts | {"expires_at": expires_at})

    def machines(self) -> Sequence[PooledMachine]:
        return readable(pooled_machine, self._all(_OWNER), lambda item: item["id"])

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
        item = self._update(
            item_key(_OWNER, instance_id),
            "SET #token = :token, claimed_at = :now",
            {":token": token, ":now": now()},
            "attribute_exists(is_ready) AND (attribute_not_exists(#token) OR #token = :token)",
            ReturnValues="ALL_NEW",
        )
        return None if item is None else pooled_machine(item)

    def release(self, machine: PooledMachine) -> bool:
        if machine.claim is None:
            return False
        return self._change(
            machine.instance_id, "REMOVE #token, claimed_at", _CLAIMED_AS_READ, _values_of(machine.claim)
        )

    def remove(self, machine: PooledMachine) -> bool:
        condition = (_CLAIMED_AS_READ, _values_of(machine.claim)) if machine.claim else (_UNCLAIMED,)
        return self._delete(item_key(_OWNER, machine.instance_id), *condition) is not None

    def _change(self, instance_id: str, expression: str, condition: str, values: Item) -> bool:
        return self._update(item_key(_OWNER, instance_id), expression, values, condition) is not None


def _values_of(claim: Claim) -> Item:
    return {":token": claim.token, ":claimed_at": claim.at}


def pooled_machine(item: Mapping[str, Any]) -> PooledMachine:
    """A machine of the pool, as its item has it."""
    return PooledMachine(
        instance_id=item["id"],
        **{name: item[name] for name in _FACTS},
        stop_asked_at=item.get("stop_asked_at"),
        is_ready="is_ready" in item,
        claim=Claim(item["token"], item["claimed_at"]) if "token" in item else None,
    )
