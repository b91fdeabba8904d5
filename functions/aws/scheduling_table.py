"""Launch queue, slots, lease and cost ledger in the job table, under reserved `#` partition keys."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from functions.aws.attribute_values import deserialize, serialize
from functions.aws.dynamo_table import set_and_remove
from functions.aws.job_items import machine_from
from functions.aws.ledger import DynamoLedger
from functions.aws.owner_heads import first_of_each_owner, owners_key
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import LeaseLost
from functions.jobs.isolation import readable
from functions.jobs.job import Run
from functions.scheduling.fair_order import by_age
from functions.scheduling.ports import MAX_BATCH, Batch, BatchResult, Candidate, Lease, LeaseState, QueueEntry, Slot

# Owners are token subjects or "anonymous"; none begins with "#".
_ENTRIES = "#queue"
_SLOTS = "#slot"
LEASE_KEY = {"owner": {"S": "#lease"}, "id": {"S": "launch"}}
# The holder's function has ended by then, whatever became of it.
_LEASE_SECONDS = 60.0
# So long a holder's number of slots is taken for the present one; a slot that became free wakes the next run anyway.
_COUNT_SECONDS = 10.0
# How long machines boot: an attribute for each instance type, since a map could not be changed before it is there. An
# item of its own: a write is billed by its item's size, and the lease's has the whole batch under way.
_BOOTS = {"owner": {"S": "#lease"}, "id": {"S": "boots"}}
# The attributes that entries and slots cannot be read without.
_NEEDED = {_ENTRIES: ("run", "attempt", "token", "since"), _SLOTS: ("run", "machine")}
_Kind = TypeVar("_Kind")


class DynamoSchedulingTable(DynamoLedger):
    """functions.scheduling.ports.SchedulingTable over DynamoDB."""

    def enqueue(
        self,
        run: Run,
        attempt: int,
        token: str,
        requested_type: str | None = None,
        quiet_until: str | None = None,
        order: str = "",
        *,
        on_demand_first: bool = False,
    ) -> QueueEntry:
        # None of these is taken back: a run's requested type never changes, a quiet entry stays quiet until it is
        # removed, and a lost spot machine stays lost.
        asked = {"requested_type": requested_type, "quiet_until": quiet_until, "on_demand_first": on_demand_first}
        some = {name: value for name, value in asked.items() if value}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=entry_key(run),
                UpdateExpression="SET #run = :run, attempt = :attempt, #token = :token, #order = :order,"
                " since = if_not_exists(since, :now)" + "".join(f", {name} = :{name}" for name in some),
                # A timed-out call may still run, and write its dead token after the step's next try. Clocks cannot
                # order the two calls, `order` does.
                ConditionExpression="attribute_not_exists(#order) OR #order <= :order",
                ExpressionAttributeNames={"#run": "run", "#token": "token", "#order": "order"},
                ExpressionAttributeValues={
                    ":run": serialize(vars(run)),
                    ":attempt": serialize(attempt),
                    ":token": serialize(token),
                    ":order": serialize(order),
                    ":now": serialize(now()),
                    **{f":{name}": serialize(value) for name, value in some.items()},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            known: Any = error.response
            return entry_of(known["Item"])
        return entry_of(answer["Attributes"])

    def oldest(self, limit: int) -> Sequence[QueueEntry]:
        found = first_of_each_owner(self._page_of_queue, limit)
        return by_age(readable(entry_of, found, _name))

    def _page_of_queue(self, after: str, size: int) -> Mapping[str, Any]:
        return self._client.query(
            TableName=self._table,
            KeyConditionExpression="#owner = :owner AND id > :after",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": _ENTRIES}, ":after": {"S": after}},
            ConsistentRead=True,
            Limit=size,
        )

    def entry(self, run: Run) -> QueueEntry | None:
        return _read(entry_of, self._get(entry_key(run)))

    def remove(self, run: Run, attempt: int | None = None) -> QueueEntry | None:
        condition = () if attempt is None else ("attempt = :attempt", {":attempt": serialize(attempt)})
        item = self._delete(entry_key(run), *condition)
        return _read(entry_of, item)

    def slot(self, run: Run) -> Slot | None:
        return slot_or_none(self._get(slot_key(run)))

    def slots(self) -> Sequence[Slot]:
        return readable(slot_of, self._all(_SLOTS), _name)

    def slot_count(self) -> int:
        # A thousand slots are 700 KB, which every run that waits would download and read for their number alone.
        return sum(page["Count"] for page in self._pages(_SLOTS, Select="COUNT"))

    def drop_unreadable(self) -> Sequence[str]:
        dropped = []
        for owner, parse in ((_ENTRIES, entry_of), (_SLOTS, slot_of)):
            for item in self._all(owner):
                try:
                    parse(item)
                except (AttributeError, KeyError, TypeError, ValueError):
                    if self._delete({"owner": item["owner"], "id": item["id"]}, **_unchanged(item, _NEEDED[owner])):
                        dropped.append(_name(item))
        return dropped

    def grant_slots(self, slots: Sequence[Slot]) -> None:
        # No condition: only the holder of the launch lease grants slots, and saves its batch under that lease before.
        self._write_all([{"PutRequest": {"Item": _slot_item(slot)}} for slot in slots])

    def release_slot(self, run: Run, instance_id: str) -> None:
        self._delete(slot_key(run), "instance_id = :id", {":id": serialize(instance_id)})

    def acquire_lease(self, name: str) -> Lease | None:
        holder = str(uuid.uuid4())
        written = self._update(
            LEASE_KEY,
            "SET holder = :holder, #name = :name, #until = :until",
            {
                ":holder": serialize(holder),
                ":name": serialize(name),
                ":until": _seconds(_LEASE_SECONDS),
                ":now": _seconds(0),
            },
            "attribute_not_exists(#until) OR #until < :now OR #name = :name",
            ReturnValues="ALL_NEW",
        )
        if written is None:
            return None
        item = _plain(written)
        limit, served = int(item.get("limit", MAX_BATCH)), item.get("served", {})
        boots = _plain(self._get(_BOOTS) or {})
        boots = {name: float(boots[name]) for name in boots.keys() - _BOOTS.keys()}
        return Lease(holder, limit, _batch_of(item), served, boots)

    def note_boot(self, instance_type: str, seconds: float) -> None:
        number = {":seconds": {"N": f"{seconds:.1f}"}}
        self._update(_BOOTS, "SET #type = :seconds", number, ExpressionAttributeNames={"#type": instance_type})

    def batch_under_way(self) -> Batch | None:
        return _batch_of(_plain(self._get(LEASE_KEY) or {}))

    def last_served(self) -> Mapping[str, str]:
        served: dict[str, str] = _plain(self._get(LEASE_KEY) or {}).get("served", {})
        return served

    def is_leased(self) -> bool:
        return lease_state(self._get(LEASE_KEY), "").is_held

    def save_batch(self, lease: Lease, batch: Batch) -> None:
        self._change_lease(lease, {"batch": serialize(_written(batch)), "served": serialize(lease.served)})

    def release_lease(self, lease: Lease, result: BatchResult) -> None:
        # 0 is in the past by every holder's clock.
        changes = {"until": serialize(0), "limit": serialize(result.limit)}
        self._change_lease(lease, changes, ("name",) if result.unfinished else ("name", "batch"))

    def _change_lease(self, lease: Lease, changes: dict[str, Any], forgotten: Sequence[str] = ()) -> None:
        if lease.slots is not None:
            changes |= {"slots": serialize(lease.slots), "counted_at": _seconds(0)}
        values = {":holder": serialize(lease.holder), **{f":{name}": value for name, value in changes.items()}}
        if self._update(LEASE_KEY, set_and_remove(changes, forgotten), values, "holder = :holder") is None:
            raise LeaseLost("another execution holds the lease by now")


def entry_key(run: Run) -> dict[str, Any]:
    """Sorted by owner, so that each owner's first entries can be read without the others."""
    return {"owner": {"S": _ENTRIES}, "id": {"S": owners_key(run.owner, run.name)}}


def slot_key(run: Run) -> dict[str, Any]:
    return {"owner": {"S": _SLOTS}, "id": {"S": run.name}}


def lease_state(lease: Mapping[str, Any] | None, name: str) -> LeaseState:
    """Held where `name` could not acquire the lease at this moment; `lease` is its item, as it is in the table."""
    item, moment = lease or {}, clock.utc_now().timestamp()
    is_held = "until" in item and float(item["until"]["N"]) >= moment and item.get("name") != {"S": name}
    is_fresh = "counted_at" in item and abs(moment - float(item["counted_at"]["N"])) <= _COUNT_SECONDS
    return LeaseState(is_held, int(item["slots"]["N"]) if is_fresh else None)


def slot_or_none(item: dict[str, Any] | None) -> Slot | None:
    """The slot of an item, if there is one that this version can read."""
    return _read(slot_of, item)


def _slot_item(slot: Slot) -> dict[str, Any]:
    return slot_key(slot.run) | {
        "run": serialize(vars(slot.run)),
        "machine": serialize(vars(slot.machine)),
        "instance_id": serialize(slot.machine.instance_id),
        **({"online_at": serialize(slot.online_at)} if slot.online_at else {}),
    }


def _unchanged(item: Mapping[str, Any], needed: Sequence[str]) -> dict[str, Any]:
    """The condition that an item is as it was read, and has not got any of the `needed` attributes that it lacks."""
    names = {f"n{at}": name for at, name in enumerate(sorted({*item, *needed} - {"owner", "id"}))}
    tests = [f"#{at} = :{at}" if name in item else f"attribute_not_exists(#{at})" for at, name in names.items()]
    return {
        "condition": " AND ".join(tests),
        "values": {f":{at}": item[name] for at, name in names.items() if name in item},
        "ExpressionAttributeNames": {f"#{at}": name for at, name in names.items()},
    }


def _seconds(ahead: float) -> dict[str, Any]:
    """A moment as a number attribute, seconds since 1970."""
    return {"N": f"{clock.utc_now().timestamp() + ahead:.3f}"}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: deserialize(value) for name, value in item.items()}


def _run(attributes: Mapping[str, Any]) -> Run:
    return Run(attributes["owner"], attributes["job_id"], int(attributes["number"]))


def entry_of(item: Mapping[str, Any]) -> QueueEntry:
    """A queue entry, as its item has it.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is none that this version can read.
    """
    plain = _plain(item)
    datetime.fromisoformat(plain["since"])  # raises where it is no time
    return QueueEntry(
        _named(item, plain, entry_key),
        int(plain["attempt"]),
        plain["token"],
        plain["since"],
        plain.get("requested_type"),
        plain.get("quiet_until"),
        plain.get("on_demand_first", False),
    )


def slot_of(item: Mapping[str, Any]) -> Slot:
    """A slot, as its item has it; it raises what entry_of does."""
    plain = _plain(item)
    return Slot(_named(item, plain, slot_key), machine_from(plain["machine"]), plain.get("online_at"))


def _named(item: Mapping[str, Any], plain: Mapping[str, Any], key: Callable[[Run], dict[str, Any]]) -> Run:
    run = _run(plain["run"])
    if key(run)["id"]["S"] != _name(item):
        raise ValueError(f"the item {_name(item)} is about the run {run.name}")
    return run


def _name(item: Mapping[str, Any]) -> str:
    return str(item["id"]["S"])


def _read(
    parse: Callable[[Mapping[str, Any]], _Kind],
    item: Mapping[str, Any] | None,
    name: Callable[[Mapping[str, Any]], str] = _name,
) -> _Kind | None:
    """What an item says; None where there is none, or none that this version can read."""
    return next(iter(readable(parse, [] if item is None else [item], name)), None)


def _batch_of(lease: Mapping[str, Any]) -> Batch | None:
    return _read(batch_of, lease.get("batch"), lambda _: "the batch under way")


def _written(batch: Batch) -> dict[str, Any]:
    """A batch as an attribute, a short text for each attempt: every write of the lease is billed by the whole item."""
    owners = {owner: at for at, owner in enumerate(dict.fromkeys(run.owner for run, _ in batch.attempts))}
    attempts = [f"{owners[run.owner]}/{run.number}/{attempt}/{run.job_id}" for run, attempt in batch.attempts]
    written = {"token": batch.token, "candidate": vars(batch.candidate), "owners": list(owners), "attempts": attempts}
    return written | ({"pooled": list(batch.pooled)} if batch.pooled else {})


def batch_of(plain: Mapping[str, Any]) -> Batch:
    """A batch, as the deserialized attribute of the lease has it."""
    return Batch(
        plain["token"],
        Candidate(**plain["candidate"]),
        tuple(_attempt_of(each, plain["owners"]) for each in plain["attempts"]),
        tuple(plain.get("pooled", ())),
    )


def _attempt_of(written: str, owners: Sequence[str]) -> tuple[Run, int]:
    owner, number, attempt, job_id = written.split("/", 3)
    return Run(owners[int(owner)], job_id, int(number)), int(attempt)
