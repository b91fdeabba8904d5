"""Damages one of a job's items, in whichever part of the table it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from functions.aws.tombstone_items import is_tombstone
from functions.jobs.job import Run
from simulation.damage import Damage, Kind
from simulation.dynamodb import MOST_BYTES, Key, size_of
from simulation.dynamodb_expressions import Item
from simulation.handlers import Ports

# No item that has an attribute as long as this can be written.
_TOO_LONG = {"S": "x" * MOST_BYTES}


def _without(*names: str) -> Callable[[Item], Item]:
    return lambda item: {name: value for name, value in item.items() if name not in names}


def _large(item: Item) -> Item:
    """As large as an item may be, for an event with many words."""
    event = {"event": {"S": "noted"}, "at": item["updated_at"], "detail": {"S": ""}}
    timeline = [*item["timeline"]["L"], {"M": event}]
    made = {**item, "timeline": {"L": timeline}}
    event["detail"] = {"S": "x" * (MOST_BYTES - size_of(made))}
    return made


_HOW: Mapping[tuple[Kind, Damage], Callable[[Item], Item]] = {
    (Kind.RECORD, Damage.LARGE): _large,
    (Kind.RECORD, Damage.TOO_LARGE): lambda item: {**item, "input_text": _TOO_LONG},
    (Kind.RECORD, Damage.UNREADABLE): lambda item: {**item, "status": {"S": "paused"}},
    (Kind.RECORD, Damage.HALF_DELETED): _without("input_text", "run", "filename", "open"),
    (Kind.TOMBSTONE, Damage.UNREADABLE): _without("logs"),
}


def damaged(ports: Ports, key: Key, kind: Kind, damage: Damage) -> bool:
    """Whether the job of `key` (owner, id) has such an item now, which is damaged then."""
    item = ports.db.items.get(key)
    if item is None or is_tombstone(item) != (kind is Kind.TOMBSTONE):
        return False
    if kind is Kind.RECEIPTS:
        ports.db.write(key, _without("machines")(item))
        ports.records.jobs[key] = replace(ports.records.jobs[key], machines=())
        return bool(item.get("machines", {}).get("L"))
    if kind in {Kind.RECORD, Kind.TOMBSTONE}:
        return _damaged_item(ports, key, kind, damage)
    job = ports.records.jobs[key]
    if kind is Kind.MACHINE:
        return job.instance_id is not None and _damaged_machine(ports, job.instance_id, damage)
    return _damaged_place(ports, job.this_run, kind, damage)


def _damaged_item(ports: Ports, key: Key, kind: Kind, damage: Damage) -> bool:
    item = ports.db.items[key]
    if damage is Damage.GONE:
        ports.db.write(key, None)
        ports.records.forget(key)
    else:
        ports.db.write(key, _HOW[kind, damage](item))
        ports.records.damaged[key] = damage
    return True


def _damaged_machine(ports: Ports, instance_id: str, damage: Damage) -> bool:
    table = ports.machine_table
    if not table.has(instance_id):
        return False
    if damage is Damage.GONE:
        table.lose(instance_id)
    else:
        table.damaged[instance_id] = damage
    return True


def _damaged_place(ports: Ports, run: Run, kind: Kind, damage: Damage) -> bool:
    queue, is_slot = ports.queue, kind is Kind.SLOT
    items, lose, known = (
        (queue.granted, queue.lose_slot, queue.damaged_slots)
        if is_slot
        else (queue.entries, queue.lose_entry, queue.damaged_entries)
    )
    if items.get(run.name) is None:
        return False
    if damage is Damage.GONE:
        lose(run)
    else:
        known[run.name] = damage
    return True
