"""Items of one job at their worst: what tests/functions/jobs/test_isolation.py makes of them in a real table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from functions.aws.tombstone_items import is_tombstone
from simulation.dynamodb import MOST_BYTES, Key
from simulation.dynamodb_expressions import Item
from simulation.faults import Damage, Kind
from simulation.handlers import Ports
from simulation.records import MACHINES, entry_key, slot_key

# No item that has an attribute as long as this can be written.
_TOO_LONG = {"S": "x" * MOST_BYTES}


def _without(*names: str) -> Callable[[Item], Item]:
    return lambda item: {name: value for name, value in item.items() if name not in names}


def _keys_only(item: Item) -> Item:
    return {name: item[name] for name in ("owner", "id")}


_HOW: Mapping[tuple[Kind, Damage], Callable[[Item], Item]] = {
    (Kind.RECORD, Damage.TOO_LARGE): lambda item: {**item, "input_text": _TOO_LONG},
    (Kind.RECORD, Damage.UNREADABLE): lambda item: {**item, "status": {"S": "paused"}},
    (Kind.RECORD, Damage.HALF_DELETED): _without("input_text", "run", "filename", "open"),
    (Kind.RECEIPTS, Damage.GONE): _without("machines"),
    (Kind.TOMBSTONE, Damage.UNREADABLE): _without("logs"),
    (Kind.ENTRY, Damage.TOO_LARGE): lambda item: {**item, "x": _TOO_LONG},
    (Kind.ENTRY, Damage.UNREADABLE): lambda item: {**item, "since": {"S": "long ago"}},
    (Kind.ENTRY, Damage.HALF_DELETED): _keys_only,
    (Kind.SLOT, Damage.UNREADABLE): _without("machine"),
    (Kind.SLOT, Damage.HALF_DELETED): _keys_only,
    (Kind.MACHINE, Damage.TOO_LARGE): lambda item: {**item, "x": _TOO_LONG},
    (Kind.MACHINE, Damage.HALF_DELETED): _without("job_owner", "job_id"),
}
# Of receipts and of a deleted job's item only these make a difference; a slot is never written to, only replaced.
POSSIBLE = {kind: tuple(each for each in Damage if each is Damage.GONE or (kind, each) in _HOW) for kind in Kind}


def damaged(ports: Ports, key: Key, kind: Kind, damage: Damage) -> bool:
    """Whether the job of `key` (owner, id) has such an item now, which is damaged then."""
    where = _key_of(ports, key, kind)
    item = ports.db.items.get(where)
    if item is None or is_tombstone(item) != (kind is Kind.TOMBSTONE):
        return False
    how = _HOW.get((kind, damage))
    ports.db.write(where, how(item) if how else None)
    ports.records.read(where, ports.db.items.get(where))
    if kind is Kind.RECEIPTS:
        return bool(item.get("machines", {}).get("L"))
    if how is None:
        ports.records.damaged.pop(where, None)
    else:
        ports.records.damaged[where] = damage
    return True


def _key_of(ports: Ports, key: Key, kind: Kind) -> Key:
    job = ports.records.jobs.get(key)
    if kind in {Kind.RECORD, Kind.RECEIPTS, Kind.TOMBSTONE}:
        return key
    if job is None:
        return "", ""
    if kind is Kind.MACHINE:
        return MACHINES, job.instance_id or ""
    return entry_key(job.this_run) if kind is Kind.ENTRY else slot_key(job.this_run)
