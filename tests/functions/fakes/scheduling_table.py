"""The launch queue, in memory, with the same conditions that its writes have in DynamoDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import LeaseLost
from functions.jobs.job import Run
from functions.scheduling.fair_order import by_age
from functions.scheduling.ports import Batch, BatchResult, Charge, DayLedger, Lease, QueueEntry, Slot

LEAD_SECONDS = 60
FULL_BATCH = 500
LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass
class KeptLead:
    """What the lease's item keeps; it has no `name`, and `until` is long ago, once its holder has rested."""

    until: datetime = LONG_AGO
    holder: str = ""
    name: str = ""
    limit: int = FULL_BATCH
    batch: Batch | None = None
    served: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeSchedulingTable:
    entries: dict[str, QueueEntry] = field(default_factory=dict)  # by the run's name
    orders: dict[str, str] = field(default_factory=dict)  # by the run's name, of the try that wrote its entry last
    held: dict[str, Slot] = field(default_factory=dict)  # by the run's name
    kept: KeptLead | None = None
    charges: dict[str, Charge] = field(default_factory=dict)  # by the machine's id
    boots: dict[str, float] = field(default_factory=dict)  # seconds by instance type
    _holders: count[int] = field(default_factory=lambda: count(1))

    def enqueue(
        self,
        run: Run,
        attempt: int,
        token: str,
        requested_type: str | None = None,
        quiet_until: str | None = None,
        order: str = "",
    ) -> QueueEntry:
        known, moment = self.entries.get(run.name), now()
        if known is not None and self.orders.get(run.name, "") > order:
            return known
        self.entries[run.name] = QueueEntry(
            run, attempt, token, known.since if known else moment, requested_type, quiet_until
        )
        self.orders[run.name] = order
        return self.entries[run.name]

    def oldest(self, limit: int) -> Sequence[QueueEntry]:
        seen, found = Counter[str](), []
        for entry in (self.entries[name] for name in sorted(self.entries)):
            seen[entry.run.owner] += 1
            found += [entry] if seen[entry.run.owner] <= limit else []
        return by_age(found)

    def entry(self, run: Run) -> QueueEntry | None:
        return self.entries.get(run.name)

    def remove(self, run: Run, attempt: int | None = None) -> QueueEntry | None:
        entry = self.entries.get(run.name)
        if entry is None or attempt not in {None, entry.attempt}:
            return None
        return self.entries.pop(run.name)

    def slot(self, run: Run) -> Slot | None:
        return self.held.get(run.name)

    def slots(self) -> Sequence[Slot]:
        return [self.held[name] for name in sorted(self.held)]

    def drop_unreadable(self) -> Sequence[str]:
        return ()

    def grant_slots(self, slots: Sequence[Slot]) -> None:
        self.held |= {slot.run.name: slot for slot in slots}

    def release_slot(self, run: Run, instance_id: str) -> None:
        slot = self.held.get(run.name)
        if slot is not None and slot.machine.instance_id == instance_id:
            del self.held[run.name]

    def charge(self, charge: Charge) -> None:
        self.charges.setdefault(charge.instance_id, charge)

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        of_day = [one for one in self.charges.values() if one.day == day and owner in {None, one.owner}]
        spent = Counter[str]()
        for one in of_day:
            spent[one.owner] += one.micro_usd
        return DayLedger(day, dict(spent), frozenset(one.instance_id for one in of_day))

    def acquire_lease(self, name: str) -> Lease | None:
        kept, moment = self.kept or KeptLead(), clock.utc_now()
        if kept.until >= moment and kept.name != name:
            return None
        self.kept = replace(
            kept, until=moment + timedelta(seconds=LEAD_SECONDS), holder=f"holder-{next(self._holders)}", name=name
        )
        return Lease(self.kept.holder, self.kept.limit, self.kept.batch, dict(self.kept.served), dict(self.boots))

    def note_boot(self, instance_type: str, seconds: float) -> None:
        self.boots[instance_type] = seconds

    def is_leased(self) -> bool:
        return self.kept is not None and self.kept.until >= clock.utc_now()

    def save_batch(self, lease: Lease, batch: Batch) -> None:
        kept = self._kept_by(lease)
        kept.batch, kept.served = batch, dict(lease.served)

    def batch_under_way(self) -> Batch | None:
        return self.kept.batch if self.kept else None

    def last_served(self) -> Mapping[str, str]:
        return dict(self.kept.served) if self.kept else {}

    def release_lease(self, lease: Lease, result: BatchResult) -> None:
        kept = self._kept_by(lease)
        # As in DynamoDB, the batch that is kept on is the one that is written down.
        batch = kept.batch if result.unfinished else None
        self.kept = KeptLead(holder=kept.holder, limit=result.limit, batch=batch, served=kept.served)

    def _kept_by(self, lease: Lease) -> KeptLead:
        if self.kept is None or self.kept.holder != lease.holder:
            raise LeaseLost("another execution holds the lease by now")
        return self.kept
