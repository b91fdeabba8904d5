"""Damages one of a job's items, in whichever table it is."""

from __future__ import annotations

from dataclasses import replace

from functions.jobs.job import Run
from simulation.damage import Damage, Kind
from simulation.handlers import Ports


def damaged(ports: Ports, key: tuple[str, str], kind: Kind, damage: Damage) -> bool:
    """Whether the job of `key` (owner, id) has such an item now, which is damaged then."""
    jobs = ports.jobs
    if kind is Kind.TOMBSTONE:
        return key in jobs.tombstones and _damaged_record(ports, key, damage)
    job = jobs.jobs.get(key)
    if job is None:
        return False
    if kind is Kind.RECORD:
        return _damaged_record(ports, key, damage)
    if kind is Kind.RECEIPTS:
        jobs.jobs[key] = replace(job, machines=())
        return bool(job.machines)
    if kind is Kind.MACHINE:
        return job.instance_id is not None and _damaged_machine(ports, job.instance_id, damage)
    return _damaged_place(ports, job.this_run, kind, damage)


def _damaged_record(ports: Ports, key: tuple[str, str], damage: Damage) -> bool:
    if damage is Damage.GONE:
        ports.jobs.lose(key)
    else:
        ports.jobs.damaged[key] = damage
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
