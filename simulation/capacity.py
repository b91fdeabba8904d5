"""What DynamoDB counts: request units, from the sizes of the items that each call reads or writes.

A write takes a unit for each KB begun of the item, whether its condition holds or not; a strongly consistent read takes
one for each 4 KB begun, a query for all that it reads together (DynamoDB developer guide, "Read and write operations").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from math import ceil
from typing import Any

from functions.scheduling.ports import Batch, QueueEntry, Slot
from simulation.world import World

# Bytes. A task token may have up to 2,048 characters (Step Functions API reference); half of that is an assumption.
_TOKEN = 1_024
_KEYS = 120
_MACHINE = 250 + _TOKEN
_READ_BLOCK, _WRITE_BLOCK = 4_096, 1_024
# Hash keys, as functions/aws/scheduling_table.py, machine_table.py and job_items.py have them.
_ENTRIES, _SLOTS, _LEASE, _MACHINES, _ENDS = "#queue", "#slot", "#lease", "#machine", "#end"


class Units:
    """Units by item collection, that is by hash key; `most` is each collection's busiest second."""

    def __init__(self) -> None:
        self.used: defaultdict[str, float] = defaultdict(float)
        self._by_second: defaultdict[tuple[str, int], float] = defaultdict(float)

    def take(self, collection: str, units: float, second: float) -> None:
        self.used[collection] += units
        self._by_second[collection, int(second)] += units

    @property
    def most(self) -> dict[str, float]:
        busiest: defaultdict[str, float] = defaultdict(float)
        for (collection, _), units in self._by_second.items():
            busiest[collection] = max(busiest[collection], units)
        return dict(busiest)


class Capacity:
    """The units `read` and `written` in a world from now on. Jobs are one collection for each owner.

    A partition, and so a collection, takes 3,000 units of reading and 1,000 of writing a second. That is not simulated.
    """

    def __init__(self, world: World) -> None:
        self.read, self.written = Units(), Units()
        self._clock = world.clock
        # Of items of one kind, one is as large as the other; the lease has its batch now and then.
        self._entry = self._slot = self._lease = _KEYS
        queue, machines = world.ports.queue, world.ports.machine_table
        world.ports.db.on_units.append(self._on_units)
        queue.on_enqueue.append(self._on_enqueue)
        queue.on_grant.append(self._on_grant)
        queue.on_free.append(self._on_free)
        queue.on_save_batch.append(self._on_save_batch)
        _after(queue, "oldest", lambda found, _: self._reads(_ENTRIES, len(found) * self._entry))
        _after(queue, "entry", lambda *_: self._reads(_ENTRIES, self._entry))
        _after(queue, "remove", lambda *_: self._writes(_ENTRIES, self._entry))
        _after(queue, "slot", lambda *_: self._reads(_SLOTS, self._slot))
        _after(queue, "slots", lambda found, _: self._reads(_SLOTS, len(found) * self._slot))
        _after(queue, "acquire_lease", lambda *_: self._writes(_LEASE, self._lease))
        _after(queue, "is_leased", lambda *_: self._reads(_LEASE, self._lease))
        _after(queue, "release_lease", self._on_release_lease)
        for method in ("add", "store_token", "store_end_token", "report"):
            _after(machines, method, lambda *_: self._writes(_MACHINES, _MACHINE))
        for method in ("has_event", "has_ended"):
            _after(machines, method, lambda *_: self._reads(_MACHINES, _MACHINE))
        for method in ("queue_ends", "unqueue_ends"):
            _after(machines, method, lambda _, given: self._writes(_ENDS, _KEYS, len(given[0])))
        _after(machines, "queued_ends", lambda found, _: self._reads(_ENDS, len(found) * _KEYS))

    def _reads(self, collection: str, size: float) -> None:
        self.read.take(collection, max(1, ceil(size / _READ_BLOCK)), self._clock.seconds)

    def _writes(self, collection: str, size: float, items: int = 1) -> None:
        self.written.take(collection, items * max(1, ceil(size / _WRITE_BLOCK)), self._clock.seconds)

    def _on_units(self, collection: str, read: float, written: int) -> None:
        self.read.take(collection, read, self._clock.seconds)
        self.written.take(collection, written, self._clock.seconds)

    def _on_enqueue(self, entry: QueueEntry) -> None:
        self._entry = _KEYS + size_of(asdict(entry)) + _TOKEN
        self._writes(_ENTRIES, self._entry)

    def _on_grant(self, slot: Slot) -> None:
        self._slot = _KEYS + size_of(asdict(slot))
        self._writes(_SLOTS, self._slot)

    def _on_free(self, _slot: Slot) -> None:
        self._writes(_SLOTS, self._slot)

    def _on_save_batch(self, batch: Batch) -> None:
        attempts = [{"run": asdict(run), "attempt": attempt} for run, attempt in batch.attempts]
        self._lease = _KEYS + size_of({"candidate": asdict(batch.candidate), "attempts": attempts})
        self._writes(_LEASE, self._lease)

    def _on_release_lease(self, _answer: object, _arguments: Sequence[Any]) -> None:
        self._writes(_LEASE, self._lease)
        self._lease = _KEYS


def size_of(value: object) -> int:
    """Bytes of an attribute's value ("DynamoDB item sizes and formats"): text is UTF-8, two digits are a byte."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return len(str(value)) // 2 + 1
    if isinstance(value, Mapping):
        return 3 + sum(1 + len(name) + size_of(each) for name, each in value.items() if each is not None)
    if isinstance(value, list | tuple):
        return 3 + sum(1 + size_of(each) for each in value)
    raise TypeError(f"{type(value).__name__} is no attribute of ours")


def _after(table: object, method: str, count: Callable[[Any, tuple[Any, ...]], None]) -> None:
    """Counts every answer of a table's method, with the arguments that it was called with."""
    original = getattr(table, method)

    def counted(*arguments: Any, **named: Any) -> Any:
        answer = original(*arguments, **named)
        count(answer, arguments)
        return answer

    setattr(table, method, counted)
