"""What the table's items say, as those who watch a simulation read them: without a call, and once a write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from functions.aws.scheduling_table import batch_of
from functions.aws.tombstone_items import is_tombstone
from functions.aws.warm_pool_table import pooled_machine
from functions.costs.ports import Charge
from functions.jobs.job import Job, Run
from functions.scheduling.ports import Batch, QueueEntry, Slot
from functions.scheduling.warm_pool_ports import PooledMachine
from simulation.dynamodb import DynamoDb, Key
from simulation.dynamodb_expressions import Item
from simulation.faults import Damage
from simulation.stored_item import deserialize_item, entry_of, from_item, slot_of

# Hash keys, as functions/aws has them.
QUEUE, SLOTS, MACHINES = "#queue", "#slot", "#machine"
_POOL, _LEASE, _LEDGER = "#pool", ("#lease", "launch"), "#ledger/"
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)


def entry_key(run: Run) -> Key:
    return QUEUE, f"{run.owner}/{run.name}"


def slot_key(run: Run) -> Key:
    return SLOTS, run.name


class Records:
    """`jobs` are by key (owner, id), and so are the `damaged` items, until they are written again.

    `entries` and `slots` are by the run's name, `pool` and `charges` by the machine's id. What is unreadable is in none
    of them, but a job whose record is damaged stays as it was before.

    `on_job` hears of every write to a job: as it was, None where it is new, and as it is now. `on_enqueue`,
    `on_save_batch` (of a new batch), `on_grant` and `on_free` are called right after what they are named for.
    """

    def __init__(self, db: DynamoDb) -> None:
        self.jobs: dict[Key, Job] = {}
        self.damaged: dict[Key, Damage] = {}
        self.entries: dict[str, QueueEntry] = {}
        self.slots: dict[str, Slot] = {}
        self.pool: dict[str, PooledMachine] = {}
        self.charges: dict[str, Charge] = {}
        self.served: Mapping[str, str] = {}  # as a holder of the lease saved it last
        self.on_job: list[Callable[[Job | None, Job], None]] = []
        self.on_enqueue: list[Callable[[QueueEntry], None]] = []
        self.on_save_batch: list[Callable[[Batch], None]] = []
        self.on_grant: list[Callable[[Slot], None]] = []
        self.on_free: list[Callable[[Slot], None]] = []
        db.on_write.append(self._on_write)

    def read(self, key: Key, item: Item | None) -> None:
        """Reads an item anew, whether a call wrote it or not."""
        owner, name = key
        if owner == QUEUE:
            _read(self.entries, name.rpartition("/")[2], item, entry_of)
        elif owner == SLOTS:
            _read(self.slots, name, item, slot_of)
        elif owner == _POOL:
            _read(self.pool, name, item, pooled_machine)
        elif not owner.startswith("#"):
            self._read_job(key, item)

    def _read_job(self, key: Key, item: Item | None) -> None:
        if item is None or is_tombstone(item):
            self.jobs.pop(key, None)
            return
        with suppress(*_UNREADABLE):
            self.jobs[key] = from_item(deserialize_item(item))

    def _on_write(self, key: Key, before: Item | None, item: Item | None) -> None:
        self.damaged.pop(key, None)
        job, slot = self.jobs.get(key), self.slots.get(key[1])
        self.read(key, item)
        owner, name = key
        if owner == QUEUE and item is not None:
            self._notify(self.on_enqueue, self.entries.get(name.rpartition("/")[2]))
        elif owner == SLOTS:
            self._notify(*((self.on_free, slot) if item is None else (self.on_grant, self.slots.get(name))))
        elif key == _LEASE and item is not None:
            self._read_lease(before or {}, item)
        elif owner.startswith(_LEDGER) and item is not None:
            self._read_charges(key, before or {}, item)
        elif key in self.jobs:
            for observer in self.on_job:
                observer(job, self.jobs[key])

    @staticmethod
    def _notify(observers: list[Callable[[Any], None]], of: object | None) -> None:
        for observer in observers if of is not None else ():
            observer(of)

    def _read_lease(self, before: Item, item: Item) -> None:
        lease = deserialize_item(item)
        self.served = lease.get("served", {})
        if "batch" in item and item["batch"] != before.get("batch"):
            self._notify(self.on_save_batch, batch_of(lease["batch"]))

    def _read_charges(self, key: Key, before: Item, item: Item) -> None:
        known = before.get("machines", {"SS": ()})["SS"]
        cost = int(item["micro_usd"]["N"]) - int(before.get("micro_usd", {"N": "0"})["N"])
        for instance_id in set(item["machines"]["SS"]) - set(known):
            day, owner = key[0].removeprefix(_LEDGER), key[1].rpartition("/")[0]
            self.charges[instance_id] = Charge(day, owner, instance_id, cost)


def _read(found: dict[str, Any], key: str, item: Item | None, parse: Callable[[Item], object]) -> None:
    """Keeps what an item says, if it can be read."""
    found.pop(key, None)
    if item is not None:
        with suppress(*_UNREADABLE):
            found[key] = parse(deserialize_item(item))
