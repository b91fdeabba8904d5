"""The job table's launch queue: entries, slots and the lease."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Generic, TypeVar

from functions.jobs.clock import now
from functions.jobs.errors import LeaseLost
from functions.jobs.job import Run
from functions.scheduling.fair_order import by_age
from functions.scheduling.ports import Batch, BatchResult, Charge, DayLedger, Lease, QueueEntry, Slot
from functions.scheduling.scheduler import MAX_BATCH
from simulation.calls import Calls, refused
from simulation.clock import VirtualClock
from simulation.damage import Damage

T = TypeVar("T")

# As functions/aws/scheduling_table.py has it.
_LEASE_SECONDS = 60.0
_MOST_WRITES = 25
# About as many items as a query answers at once (1 MB).
_PAGE = 2_500


class Items(Generic[T]):
    """Items of one hash key, in the order of their range key."""

    def __init__(self) -> None:
        self._by_key: dict[str, T] = {}
        self._keys: list[str] = []

    def put(self, key: str, item: T) -> None:
        if key not in self._by_key:
            insort(self._keys, key)
        self._by_key[key] = item

    def get(self, key: str) -> T | None:
        return self._by_key.get(key)

    def pop(self, key: str) -> T | None:
        item = self._by_key.pop(key, None)
        if item is not None:
            del self._keys[bisect_left(self._keys, key)]
        return item

    def first(self, limit: int | None = None) -> list[T]:
        return [self._by_key[key] for key in self._keys[:limit]]

    def __len__(self) -> int:
        return len(self._keys)


@dataclass
class _LeaseItem:
    holder: int = 0
    name: str | None = None
    until: float = 0.0
    limit: int = MAX_BATCH
    batch: Batch | None = None
    served: Mapping[str, str] = field(default_factory=dict)
    boots: dict[str, float] = field(default_factory=dict)


class SimulatedSchedulingTable:
    """The port SchedulingTable in memory, with the calls and conditions of functions/aws/scheduling_table.py.

    `on_enqueue`, `on_look` (a read of the queue), `on_count` (of the slots), `on_save_batch` (of a new batch),
    `on_grant` and `on_free` are called right after what they are named for.
    """

    def __init__(self, clock: VirtualClock, calls: Calls) -> None:
        self.entries: Items[QueueEntry] = Items()
        self._of_owner: defaultdict[str, Items[QueueEntry]] = defaultdict(Items)
        self.granted: Items[Slot] = Items()
        self.on_enqueue: list[Callable[[QueueEntry], None]] = []
        self.on_look: list[Callable[[], None]] = []
        self.on_count: list[Callable[[], None]] = []
        self.on_save_batch: list[Callable[[Batch], None]] = []
        self.on_grant: list[Callable[[Slot], None]] = []
        self.on_free: list[Callable[[Slot], None]] = []
        self.charges: dict[str, Charge] = {}  # by the machine's id
        self.damaged_entries: dict[str, Damage] = {}  # by the run's name, and so are the slots
        self.damaged_slots: dict[str, Damage] = {}
        self._orders: dict[str, str] = {}  # of the try that wrote a run's entry last
        self._clock = clock
        self._calls = calls
        self._lease: _LeaseItem | None = None
        self._holders = 0

    def enqueue(
        self,
        run: Run,
        attempt: int,
        token: str,
        requested_type: str | None = None,
        quiet_until: str | None = None,
        order: str = "",
    ) -> QueueEntry:
        moment = now()

        def effect() -> QueueEntry:
            damage = self.damaged_entries.get(run.name)
            if damage is Damage.TOO_LARGE:
                raise refused("dynamodb:UpdateItem", "ValidationException")
            known = None if damage else self.entries.get(run.name)
            if known is not None and self._orders[run.name] > order:
                return known
            entry = QueueEntry(run, attempt, token, known.since if known else moment, requested_type, quiet_until)
            self.entries.put(run.name, entry)
            self._of_owner[run.owner].put(run.name, entry)
            self._orders[run.name] = order
            for observer in self.on_enqueue:
                observer(entry)
            if damage is Damage.UNREADABLE:
                raise ValueError("since")  # the one attribute that is not written again
            self.damaged_entries.pop(run.name, None)
            return entry

        return self._calls.make("dynamodb:UpdateItem", effect)

    def oldest(self, limit: int) -> Sequence[QueueEntry]:
        def effect() -> Sequence[QueueEntry]:
            for observer in self.on_look:
                observer()
            found = chain.from_iterable(items.first(limit) for items in self._of_owner.values())
            return by_age(each for each in found if each.run.name not in self._unreadable_entries)

        # A page for each owner that may have more, as functions/aws/owner_heads.py skips.
        for _ in range(sum(len(items) >= limit for items in self._of_owner.values())):
            self._calls.make("dynamodb:Query", lambda: None)
        return self._query(sum(min(limit, len(items)) for items in self._of_owner.values()), effect)

    def entry(self, run: Run) -> QueueEntry | None:
        def effect() -> QueueEntry | None:
            return None if run.name in self._unreadable_entries else self.entries.get(run.name)

        return self._calls.make("dynamodb:GetItem", effect)

    def remove(self, run: Run, attempt: int | None = None) -> QueueEntry | None:
        def effect() -> QueueEntry | None:
            entry, damage = self.entries.get(run.name), self.damaged_entries.get(run.name)
            expected = {None} if damage is Damage.HALF_DELETED else {None, entry.attempt if entry else None}
            if entry is None or attempt not in expected:
                return None
            self.lose_entry(run)
            return None if damage and damage.is_unreadable else entry

        return self._calls.make("dynamodb:DeleteItem", effect)

    def slot(self, run: Run) -> Slot | None:
        def effect() -> Slot | None:
            return None if run.name in self.damaged_slots else self.granted.get(run.name)

        return self._calls.make("dynamodb:GetItem", effect)

    def slots(self) -> Sequence[Slot]:
        def effect() -> Sequence[Slot]:
            for observer in self.on_count:
                observer()
            return self.readable_slots()

        return self._query(len(self.granted), effect)

    def readable_slots(self) -> list[Slot]:
        return [slot for slot in self.granted.first() if slot.run.name not in self.damaged_slots]

    def readable_entries(self) -> list[QueueEntry]:
        return [entry for entry in self.entries.first() if entry.run.name not in self._unreadable_entries]

    @property
    def _unreadable_entries(self) -> set[str]:
        return {name for name, damage in self.damaged_entries.items() if damage.is_unreadable}

    def lose_entry(self, run: Run) -> None:
        self._of_owner[run.owner].pop(run.name)
        self.entries.pop(run.name)
        self.damaged_entries.pop(run.name, None)

    def lose_slot(self, run: Run) -> None:
        self.granted.pop(run.name)
        self.damaged_slots.pop(run.name, None)

    def drop_unreadable(self) -> Sequence[str]:
        entries = self._query(len(self.entries), lambda: [self.entries.get(one) for one in self._unreadable_entries])
        slots = self._query(len(self.granted), lambda: [self.granted.get(one) for one in self.damaged_slots])
        for entry in filter(None, entries):
            self._calls.make("dynamodb:DeleteItem", partial(self.lose_entry, entry.run))
        for slot in filter(None, slots):
            self._calls.make("dynamodb:DeleteItem", partial(self.lose_slot, slot.run))
        return [item.run.name for item in (*entries, *slots) if item]

    def grant_slots(self, slots: Sequence[Slot]) -> None:
        def effect(these: Sequence[Slot]) -> None:
            for slot in these:
                self.granted.put(slot.run.name, slot)
                self.damaged_slots.pop(slot.run.name, None)
                for observer in self.on_grant:
                    observer(slot)

        for first in range(0, len(slots), _MOST_WRITES):
            self._calls.make("dynamodb:BatchWriteItem", partial(effect, slots[first : first + _MOST_WRITES]))

    def release_slot(self, run: Run, instance_id: str) -> None:
        def effect() -> None:
            slot = self.granted.get(run.name)
            if self.damaged_slots.get(run.name) is Damage.HALF_DELETED:
                return
            if slot is not None and slot.machine.instance_id == instance_id:
                self.lose_slot(run)
                for observer in self.on_free:
                    observer(slot)

        self._calls.make("dynamodb:DeleteItem", effect)

    def charge(self, charge: Charge) -> None:
        self._calls.make("dynamodb:UpdateItem", lambda: self.charges.setdefault(charge.instance_id, charge))

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        def effect() -> DayLedger:
            of_day = [one for one in self.charges.values() if one.day == day and owner in {None, one.owner}]
            spent = Counter[str]()
            for one in of_day:
                spent[one.owner] += one.micro_usd
            return DayLedger(day, dict(spent), frozenset(one.instance_id for one in of_day))

        return self._calls.make("dynamodb:Query", effect)

    def acquire_lease(self, name: str) -> Lease | None:
        self._holders += 1
        holder, now_at_caller = self._holders, self._clock.seconds

        def effect() -> Lease | None:
            item = self._lease
            if item is None:
                item = self._lease = _LeaseItem()
            elif not (item.until < now_at_caller or item.name == name):
                return None
            item.holder, item.name, item.until = holder, name, now_at_caller + _LEASE_SECONDS
            return Lease(str(holder), item.limit, item.batch, dict(item.served), dict(item.boots))

        return self._calls.make("dynamodb:UpdateItem", effect)

    def note_boot(self, instance_type: str, seconds: float) -> None:
        def effect() -> None:
            self._lease = self._lease or _LeaseItem(until=-1.0)
            self._lease.boots[instance_type] = seconds

        self._calls.make("dynamodb:UpdateItem", effect)

    def is_leased(self) -> bool:
        now_at_caller = self._clock.seconds

        def effect() -> bool:
            return self._lease is not None and self._lease.until >= now_at_caller

        return self._calls.make("dynamodb:GetItem", effect)

    def batch_under_way(self) -> Batch | None:
        return self._calls.make("dynamodb:GetItem", lambda: self._lease.batch if self._lease else None)

    def last_served(self) -> Mapping[str, str]:
        return self._calls.make("dynamodb:GetItem", lambda: self.served)

    @property
    def served(self) -> Mapping[str, str]:
        """As a holder saved it last."""
        return dict(self._lease.served) if self._lease else {}

    def save_batch(self, lease: Lease, batch: Batch) -> None:
        def effect() -> None:
            item = self._held_by(lease)
            is_new, item.batch, item.served = item.batch != batch, batch, dict(lease.served)
            for observer in self.on_save_batch if is_new else ():
                observer(batch)

        self._calls.make("dynamodb:UpdateItem", effect)

    def release_lease(self, lease: Lease, result: BatchResult) -> None:
        until = self._clock.seconds

        def effect() -> None:
            item = self._held_by(lease)
            item.until, item.limit, item.name = until, result.limit, None
            if result.unfinished is None:
                item.batch = None

        self._calls.make("dynamodb:UpdateItem", effect)

    def _held_by(self, lease: Lease) -> _LeaseItem:
        if self._lease is None or str(self._lease.holder) != lease.holder:
            raise LeaseLost("another execution holds the lease by now")
        return self._lease

    def _query(self, items: int, effect: Callable[[], Sequence[T]]) -> Sequence[T]:
        for _ in range(items // _PAGE):
            self._calls.make("dynamodb:Query", lambda: None)
        return self._calls.make("dynamodb:Query", effect)
