"""Launch queue, slots, lease and cost ledger in the job table, under reserved `#` partition keys."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from functions.aws.attribute_values import Item, deserialize_item, serialize_item
from functions.aws.dynamo_table import item_key, set_and_remove
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
LEASE_KEY = item_key("#lease", "launch")
# The holder's function has ended by then, whatever became of it.
_LEASE_SECONDS = 60.0
# So long a holder's number of slots is taken for the present one; a slot that became free wakes the next run anyway.
_COUNT_SECONDS = 10.0
# How long machines boot: an attribute for each instance type, since a map could not be changed before it is there. An
# item of its own: a write is billed by its item's size, and the lease's has the whole batch under way.
_BOOTS = item_key("#lease", "boots")
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
        _, item = self._write(
            self._client.update_item,
            # A timed-out call may still run, and write its dead token after the step's next try. Clocks cannot order
            # the two calls, `order` does.
            "attribute_not_exists(#order) OR #order <= :order",
            {
                ":run": vars(run),
                ":attempt": attempt,
                ":token": token,
                ":order": order,
                ":now": now(),
                **{f":{name}": value for name, value in some.items()},
            },
            Key=serialize_item(entry_key(run)),
            UpdateExpression="SET #run = :run, attempt = :attempt, #token = :token, #order = :order,"
            " since = if_not_exists(since, :now)" + "".join(f", {name} = :{name}" for name in some),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return entry_of(item)

    def oldest(self, limit: int) -> Sequence[QueueEntry]:
        found = first_of_each_owner(
            lambda after, size: self._page(_ENTRIES, " AND id > :after", {":after": after}, Limit=size), limit
        )
        return by_age(readable(entry_of, found, _name))

    def entry(self, run: Run) -> QueueEntry | None:
        return _read(entry_of, self._get(entry_key(run)))

    def remove(self, run: Run, attempt: int | None = None) -> QueueEntry | None:
        condition = () if attempt is None else ("attempt = :attempt", {":attempt": attempt})
        return _read(entry_of, self._delete(entry_key(run), *condition))

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
            for stored in [item for page in self._pages(owner) for item in page["Items"]]:
                item = deserialize_item(stored)
                try:
                    parse(item)
                except (AttributeError, KeyError, TypeError, ValueError):
                    if self._delete(item_key(owner, item["id"]), **_unchanged(stored, _NEEDED[owner])):
                        dropped.append(_name(item))
        return dropped

    def grant_slots(self, slots: Sequence[Slot]) -> None:
        # No condition: only the holder of the launch lease grants slots, and saves its batch under that lease before.
        self._put_all(map(_slot_item, slots))

    def release_slot(self, run: Run, instance_id: str) -> None:
        self._delete(slot_key(run), "instance_id = :id", {":id": instance_id})

    def acquire_lease(self, name: str) -> Lease | None:
        holder = str(uuid.uuid4())
        written = self._update(
            LEASE_KEY,
            "SET holder = :holder, #name = :name, #until = :until",
            {":holder": holder, ":name": name, ":until": _seconds(_LEASE_SECONDS), ":now": _seconds(0)},
            "attribute_not_exists(#until) OR #until < :now OR #name = :name",
            ReturnValues="ALL_NEW",
        )
        if written is None:
            return None
        boots = self._get(_BOOTS) or {}
        return Lease(
            holder,
            written.get("limit", MAX_BATCH),
            _batch_of(written),
            dict(written.get("served", {})),
            {name: float(boots[name]) for name in boots.keys() - _BOOTS.keys()},
        )

    def note_boot(self, instance_type: str, seconds: float) -> None:
        names, values = {"#type": instance_type}, {":seconds": round(seconds, 1)}
        self._update(_BOOTS, "SET #type = :seconds", values, ExpressionAttributeNames=names)

    def batch_under_way(self) -> Batch | None:
        return _batch_of(self._get(LEASE_KEY) or {})

    def last_served(self) -> Mapping[str, str]:
        served: dict[str, str] = (self._get(LEASE_KEY) or {}).get("served", {})
        return served

    def is_leased(self) -> bool:
        return lease_state(self._get(LEASE_KEY), "").is_held

    def save_batch(self, lease: Lease, batch: Batch) -> None:
        self._change_lease(lease, {"batch": _written(batch), "served": lease.served})

    def release_lease(self, lease: Lease, result: BatchResult) -> None:
        # 0 is in the past by every holder's clock.
        changes = {"until": 0, "limit": result.limit}
        self._change_lease(lease, changes, ("name",) if result.unfinished else ("name", "batch"))

    def _change_lease(self, lease: Lease, changes: dict[str, Any], forgotten: Sequence[str] = ()) -> None:
        if lease.slots is not None:
            changes |= {"slots": lease.slots, "counted_at": _seconds(0)}
        values = {":holder": lease.holder, **{f":{name}": value for name, value in changes.items()}}
        if self._update(LEASE_KEY, set_and_remove(changes, forgotten), values, "holder = :holder") is None:
            raise LeaseLost("another execution holds the lease by now")


def entry_key(run: Run) -> Item:
    """Sorted by owner, so that each owner's first entries can be read without the others."""
    return item_key(_ENTRIES, owners_key(run.owner, run.name))


def slot_key(run: Run) -> Item:
    return item_key(_SLOTS, run.name)


def lease_state(lease: Item | None, name: str) -> LeaseState:
    """Held where `name` could not acquire the lease at this moment; `lease` is its item, as it is in the table."""
    item, moment = lease or {}, clock.utc_now().timestamp()
    is_held = "until" in item and item["until"] >= moment and item.get("name") != name
    is_fresh = "counted_at" in item and abs(moment - item["counted_at"]) <= _COUNT_SECONDS
    return LeaseState(is_held, item["slots"] if is_fresh else None)


def slot_or_none(item: Item | None) -> Slot | None:
    """The slot of an item, if there is one that this version can read."""
    return _read(slot_of, item)


def _slot_item(slot: Slot) -> Item:
    item = {"run": vars(slot.run), "machine": vars(slot.machine), "instance_id": slot.machine.instance_id}
    return slot_key(slot.run) | item | ({"online_at": slot.online_at} if slot.online_at else {})


def _unchanged(stored: Mapping[str, Any], needed: Sequence[str]) -> dict[str, Any]:
    """The condition that an item is as it was read, and has not got any of the `needed` attributes that it lacks.

    Of the item as DynamoDB answered it: it may have values of types that are none of ours.
    """
    names = {f"n{at}": name for at, name in enumerate(sorted({*stored, *needed} - {"owner", "id"}))}
    tests = [f"#{at} = :{at}" if name in stored else f"attribute_not_exists(#{at})" for at, name in names.items()]
    return {
        "condition": " AND ".join(tests),
        "ExpressionAttributeNames": {f"#{at}": name for at, name in names.items()},
        "ExpressionAttributeValues": {f":{at}": stored[name] for at, name in names.items() if name in stored},
    }


def _seconds(ahead: float) -> float:
    """A moment in seconds since 1970."""
    return round(clock.utc_now().timestamp() + ahead, 3)


def entry_of(item: Item) -> QueueEntry:
    """A queue entry, as its item has it.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is none that this version can read.
    """
    datetime.fromisoformat(item["since"])  # raises where it is no time
    return QueueEntry(
        _run_of(item, entry_key),
        int(item["attempt"]),
        item["token"],
        item["since"],
        item.get("requested_type"),
        item.get("quiet_until"),
        item.get("on_demand_first", False),
    )


def slot_of(item: Item) -> Slot:
    """A slot, as its item has it; it raises what entry_of does."""
    return Slot(_run_of(item, slot_key), machine_from(item["machine"]), item.get("online_at"))


def _run_of(item: Item, key: Callable[[Run], Item]) -> Run:
    run = Run(item["run"]["owner"], item["run"]["job_id"], int(item["run"]["number"]))
    if key(run)["id"] != _name(item):
        raise ValueError(f"the item {_name(item)} is about the run {run.name}")
    return run


def _name(item: Item) -> str:
    return str(item["id"])


def _read(parse: Callable[[Item], _Kind], item: Item | None, name: Callable[[Item], str] = _name) -> _Kind | None:
    """What an item says; None where there is none, or none that this version can read."""
    return next(iter(readable(parse, [] if item is None else [item], name)), None)


def _batch_of(lease: Item) -> Batch | None:
    return _read(batch_of, lease.get("batch"), lambda _: "the batch under way")


def _written(batch: Batch) -> Item:
    """A batch as an attribute, a short text for each attempt: every write of the lease is billed by the whole item."""
    owners = {owner: at for at, owner in enumerate(dict.fromkeys(run.owner for run, _ in batch.attempts))}
    attempts = [f"{owners[run.owner]}/{run.number}/{attempt}/{run.job_id}" for run, attempt in batch.attempts]
    written = {"token": batch.token, "candidate": vars(batch.candidate), "owners": list(owners), "attempts": attempts}
    return written | ({"pooled": list(batch.pooled)} if batch.pooled else {})


def batch_of(written: Item) -> Batch:
    """A batch, as the lease's attribute has it."""
    attempts = []
    for each in written["attempts"]:
        owner, number, attempt, job_id = each.split("/", 3)
        attempts.append((Run(written["owners"][int(owner)], job_id, int(number)), int(attempt)))
    pooled = tuple(written.get("pooled", ()))
    return Batch(written["token"], Candidate(**written["candidate"]), tuple(attempts), pooled)
