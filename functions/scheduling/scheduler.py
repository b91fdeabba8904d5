"""The scheduler: the lease holder launches one machine for each entry and free slot, in few RunInstances calls.

One call asks for one instance type, so entries with the same requested type are launched together; those of runs that
have lost a spot machine, and ask for on-demand capacity first, by themselves. The group of the first entry in fair
order (fair_order.py) comes first. A requested type that EC2 refuses is skipped until the lease is released.

Each batch is saved with its client token before the call. If the holder crashes, the next holder repeats the call with
that token and gets the same machines, so none is launched twice or lost. Machines of the warm pool (warm_pool.py) form
a batch of their own, which comes first.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from functions.costs.budget import AdmissionDecision, Budget, Spending, today
from functions.jobs import clock
from functions.jobs.clock import now, rfc3339
from functions.jobs.errors import FinalStep, JobEnded, JobNotFound, LaunchRefused, SpendingCapReached
from functions.jobs.isolation import isolated
from functions.jobs.job import Job, MachineReceipt, Run, TimelineEvent
from functions.jobs.machine_state import TERMINATING
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import is_over, require_active
from functions.scheduling.fair_order import IN_ORDER, fair_order, note_served, owners_cut_short
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import (
    MAX_BATCH,
    Batch,
    BatchResult,
    Candidate,
    Instances,
    LaunchResult,
    Lease,
    QueueEntry,
    Refusal,
    Slot,
)
from functions.scheduling.warm_pool import WarmPool

# Entries of an owner that may still be in the queue although they have a slot: their run is about to be notified.
_GRANTED = 5

# Seconds. The workflow waits for a boot without a look at it; a machine that takes longer is asked again and again.
_LONGEST_BOOT = 60.0
_NEVER_ASSIGNED = "EC2 accepted its termination before any command was sent"
# DynamoDB's limit for one call.
_SLOTS_A_WRITE = 25

Assignment = tuple[QueueEntry, Slot]


def candidates(markets: Sequence[str], instance_types: Sequence[str], subnet_ids: Sequence[str]) -> list[Candidate]:
    """Every combination, in the order of preference: market first, then type, then zone."""
    return [Candidate(kind, subnet, market) for market in markets for kind in instance_types for subnet in subnet_ids]


@dataclass(frozen=True)
class Scheduler:
    jobs: JobTable
    queue: LaunchQueue
    machines: Instances
    candidates: Sequence[Candidate]
    stack: str
    max_concurrent: int
    queue_timeout: timedelta
    throttle_waits: Sequence[float]  # seconds between tries under one lease; the workflow retries after them
    sleep: Callable[[float], None]
    for_each: Callable[[Callable[[Any], object], Sequence[Any]], None]  # calls the first with each, several at a time
    spending: Spending = field(default_factory=Spending)
    new_token: Callable[[], str] = lambda: str(uuid.uuid4())
    pool: WarmPool | None = None

    def launchable(
        self, limit: int, refused: Collection[str | None] = (), lease: Lease | None = None
    ) -> Sequence[QueueEntry]:
        """The entries that there are free slots for, in fair order.

        Left out are entries whose requested type is in `refused`, and those over a spending cap. An entry that is over
        a cap for the whole day is rejected.
        """
        # Only the lease holder grants slots, so slots that are read before the entries are complete.
        slots = self.queue.table.slots()
        served = lease.served if lease is not None else {}
        if lease is not None:
            lease.slots = len(slots)
        room = max(0, min(limit, self.max_concurrent - len(slots)))
        held = {(slot.run, slot.machine.attempt) for slot in slots}
        looked_at = max(room + _GRANTED, IN_ORDER)
        while room:
            entries = self.queue.table.oldest(looked_at)
            waiting = [
                entry
                for entry in entries
                if (entry.run, entry.attempt) not in held and entry.requested_type not in refused
            ]
            found, useful = self._affordable(fair_order(waiting, slots, served), slots)
            # Entries that cannot be launched must not starve later ones of the same owner.
            if not owners_cut_short(entries, looked_at, useful, room):
                return found[:room]
            looked_at *= 4
        return []

    def _affordable(
        self, entries: Sequence[QueueEntry], slots: Sequence[Slot]
    ) -> tuple[Sequence[QueueEntry], Sequence[QueueEntry]]:
        """The entries that may be launched now, and those that may be launched today; rejects the others."""
        if not entries or not self.spending.has_day_caps:
            return entries, entries
        budget = Budget.of(self.spending, slots, self.queue.table.ledger(today()), clock.utc_now())
        decided: dict[AdmissionDecision, list[QueueEntry]] = {decision: [] for decision in AdmissionDecision}
        for entry in entries:
            decided[budget.admit(entry.run.owner, entry.requested_type)].append(entry)

        def refuse(entry: QueueEntry) -> None:
            words = budget.refusal(entry.run.owner, entry.requested_type) or ""
            self._is_rejected(entry, SpendingCapReached, words)

        self.for_each(refuse, decided[AdmissionDecision.REFUSED])
        granted = decided[AdmissionDecision.GRANTED]
        return granted, granted + decided[AdmissionDecision.HELD]

    def is_held_back(self, entry: QueueEntry) -> bool:
        """Whether an entry waits because running machines may still use up what is left under a cap."""
        if not self.spending.has_day_caps:
            return False
        decision = Budget.of_today(self.spending, self.queue.table).admit(entry.run.owner, entry.requested_type)
        return decision is AdmissionDecision.HELD

    def candidates_for(self, entry: QueueEntry) -> Sequence[Candidate]:
        """The candidates in order of preference; a requested type replaces the stack's own types."""
        found = self.candidates
        if entry.requested_type is not None:
            found = list(dict.fromkeys(replace(each, instance_type=entry.requested_type) for each in found))
        return sorted(found, key=lambda each: each.market == "spot") if entry.on_demand_first else found

    def is_full(self, counted: int | None = None) -> bool:
        """Whether there is no free slot; `counted` is how many are held, where a holder has just counted them."""
        # A thousand slots cost 175 read units to count, and a burst of runs that wait would each do so.
        return (self.queue.table.slot_count() if counted is None else counted) >= self.max_concurrent

    def has_waited_too_long(self, entry: QueueEntry) -> bool:
        return clock.age(entry.since) >= self.queue_timeout

    @property
    def timeout_text(self) -> str:
        return f"{self.queue_timeout.total_seconds() / 60:g} minutes"

    def run(self, lease: Lease, holder: QueueEntry, until: datetime) -> BatchResult:
        """Launches for the queue until the lease holder's own entry has a machine, EC2 refuses, or none is launchable.

        Raises:
            LeaseLost: another run holds the lease by now.
        """
        limit = min(lease.limit, MAX_BATCH)  # an upgrade may have lowered the second
        resumed = self._resume(lease, holder, limit)
        if resumed is not None:
            return resumed
        waits, refused = iter(self.throttle_waits), dict[str | None, Refusal]()
        permanent: dict[Candidate, Refusal] = {}
        while clock.utc_now() < until:
            entries = _first_group(self.launchable(limit, refused, lease))
            if not entries:
                return BatchResult(limit, refused)
            refusals, own = self._launch_for(lease, holder, entries, permanent)
            if not refusals:
                limit = min(MAX_BATCH, limit * 2)
                if own is not None:
                    return BatchResult(limit, own=own)
                continue
            last = _decisive(refusals)
            if last.kind == "throttled" and len(entries) > 1:
                limit = len(entries) // 2  # perhaps more machines than the account may launch at this moment
            elif not self._may_retry(entries, last, waits):
                refused[entries[0].requested_type] = last
                if last.kind == "throttled":
                    return BatchResult(limit, refused)
        return BatchResult(limit)  # out of time: the next lease holder tries every requested type again

    def _resume(self, lease: Lease, holder: QueueEntry, limit: int) -> BatchResult | None:
        """Repeats the launch that an earlier holder may not have finished; a result if the lease's work is done."""
        if lease.batch is None:
            return None
        refusal, own = self._launch(lease, lease.batch, holder)
        if own is not None:
            return BatchResult(limit, own=own)
        if refusal is not None and refusal.kind == "throttled":
            return BatchResult(limit, {None: refusal}, unfinished=lease.batch)
        return None

    def _may_retry(self, entries: Sequence[QueueEntry], refusal: Refusal, waits: Iterator[float]) -> bool:
        """Whether to try the same requested type again under this lease, after this refusal."""
        if refusal.kind == "permanent":
            delivered = [self._is_rejected(entry, LaunchRefused, str(refusal)) for entry in entries]
            return all(delivered)  # an undelivered entry stays in the queue, and EC2 would refuse it again
        wait = next(waits, None) if refusal.kind == "throttled" else None
        if wait is not None:
            self.sleep(wait)
        return wait is not None

    def _is_rejected(self, entry: QueueEntry, error: type[FinalStep], words: str) -> bool:
        with isolated("refuse", entry.run.name):
            return self.queue.reject(entry, error.__name__, words)
        return False

    def _launch_for(
        self, lease: Lease, holder: QueueEntry, entries: Sequence[QueueEntry], permanent: dict[Candidate, Refusal]
    ) -> tuple[Sequence[Refusal], Slot | None]:
        """Tries one candidate after the other; every candidate's refusal if all are refused, and the holder's own slot.

        `permanent` collects candidates that are refused permanently, and are not tried again: a policy, say, may forbid
        one market or type and no other.
        """
        refusals: list[Refusal] = []
        events: list[TimelineEvent] = []
        for batch in self._batches(entries):
            refusal, own = permanent.get(batch.candidate), None
            if refusal is None:
                self.queue.table.save_batch(lease, batch)
                refusal, own = self._launch(lease, batch, holder)
            if refusal is None:
                self._note(entries, events)
                return (), own
            refusals.append(refusal)
            events.append(TimelineEvent("launch_refused", now(), f"{batch.candidate}: {refusal.code}."))
            if refusal.kind == "permanent":
                permanent[batch.candidate] = refusal
            if refusal.kind == "throttled":
                break
        # Throttling is noted in the first entry's job only.
        self._note(entries[:1] if refusals[-1].kind == "throttled" else entries, events)
        return refusals, None

    def _batches(self, entries: Sequence[QueueEntry]) -> Iterator[Batch]:
        """The batches to try for entries of one group: pooled machines first, then new ones for all."""
        attempts = tuple((entry.run, entry.attempt) for entry in entries)
        pooled = tuple(self.pool.ready(entries[0].requested_type))[: len(attempts)] if self.pool else ()
        if self.pool and pooled:
            yield Batch(self.new_token(), self.pool.candidate, attempts[: len(pooled)], pooled)
        for candidate in self.candidates_for(entries[0]):
            yield Batch(self.new_token(), candidate, attempts)

    def _launch(self, lease: Lease, batch: Batch, holder: QueueEntry) -> tuple[Refusal | None, Slot | None]:
        """EC2's refusal, or the holder's own slot, if one of the machines is for its entry.

        Raises:
            LeaseLost
        """
        # Dispatch adds the job's tags, since those of a batch are the same for each of its machines.
        tags = {"Name": f"mayfly {self.stack}", "mayfly:stack": self.stack, "mayfly:batch": batch.token}
        launched = (
            self._start_pooled(batch)
            if batch.pooled
            else self.machines.launch(batch.candidate, len(batch.attempts), batch.token, tags)
        )
        if isinstance(launched, Refusal):
            return launched, None
        slots = [
            _slot(lease, run, self._record(batch.candidate, run, attempt, instance))
            for (run, attempt), instance in zip(batch.attempts, launched, strict=False)
            if instance is not None
        ]
        own = next((slot for slot in slots if (slot.run, slot.machine.attempt) == (holder.run, holder.attempt)), None)
        assignments = self._assignments([slot for slot in slots if slot is not own])
        granted = [*([own] if own else []), *(slot for _, slot in assignments)]
        served = {slot.run for slot in granted}
        note_served(lease.served, {run.owner for run in served}, now())
        lease.slots = None if lease.slots is None else lease.slots + len(granted)
        # A holder that took over during the call may have assigned other machines: check the lease again.
        self.queue.table.save_batch(lease, batch)
        writes = [granted[first : first + _SLOTS_A_WRITE] for first in range(0, len(granted), _SLOTS_A_WRITE)]
        self.for_each(self.queue.table.grant_slots, writes)
        self.for_each(self._assign_isolated, assignments)
        for slot in slots:
            if slot.run not in served:
                with isolated("end the machine that was launched", slot.run.name):
                    self._end_unassigned(slot)
        return None, own

    def _start_pooled(self, batch: Batch) -> Sequence[LaunchResult | None] | Refusal:
        """The started machine of each attempt, in order, so that a repeated call pairs them in the same way."""
        if self.pool is None:
            return Refusal("NoPool", "the stack has no pool any more", "capacity")
        started = self.pool.start(batch.pooled, batch.token)
        return started if isinstance(started, Refusal) else [started.get(one) for one in batch.pooled]

    def _assignments(self, slots: Sequence[Slot]) -> list[Assignment]:
        """The slots whose run is still in the queue, with its entry."""
        if not slots:
            return []
        most = max(Counter(slot.run.owner for slot in slots).values())
        known = {entry.run: entry for entry in self.queue.table.oldest(most + _GRANTED)}
        entries = [known.get(slot.run) or self.queue.table.entry(slot.run) for slot in slots]
        return [
            (entry, slot)
            for entry, slot in zip(entries, slots, strict=True)
            if entry is not None and entry.attempt == slot.machine.attempt
        ]

    def _end_unassigned(self, slot: Slot) -> None:
        """Ends a machine whose run left the queue, unless an earlier holder has assigned it to the run already."""
        run, instance_id = slot.run, slot.machine.instance_id
        held = self.queue.table.slot(run)
        if held is not None and held.machine.instance_id == instance_id:
            return
        if self.machines.terminate(instance_id) not in TERMINATING:
            return  # EC2 may not know it yet: the sweeper ends and charges it
        machine = slot.machine.ended(now(), _NEVER_ASSIGNED)
        self.queue.charge(run.owner, machine)
        event = TimelineEvent("machine_not_needed", now(), f"{instance_id} came too late; it was ended at once.")

        def change(job: Job) -> Job:
            return job if job.machine(instance_id) else job.with_machine(machine).noted(event)

        # The ledger has the machine, so the job's receipts must have it. A job that was deleted needs none.
        with suppress(JobNotFound):
            self.jobs.update(run.owner, run.job_id, change)

    def _assign_isolated(self, assignment: Assignment) -> None:
        """A run that cannot be notified keeps its slot, and finds it when its step is retried."""
        with isolated("notify of its machine", assignment[1].run.name):
            self.assign(*assignment)

    def assign(self, entry: QueueEntry, slot: Slot) -> None:
        """Notifies a waiting run of its machine; ends the machine if the run was cancelled meanwhile."""
        run = slot.run
        if not self.queue.notify(entry, slot) and is_over(self.jobs.get(run.owner, run.job_id), run):
            self.machines.terminate(slot.machine.instance_id)

    def _note(self, entries: Sequence[QueueEntry], events: Sequence[TimelineEvent]) -> None:
        for entry in entries if events else ():
            run = entry.run
            # The entry of a cancelled or deleted job is removed by its own workflow.
            with isolated("note a refusal", run.name), suppress(JobEnded, JobNotFound):
                self.jobs.update(run.owner, run.job_id, require_active(run, lambda job: job.noted(*events)))

    def _record(self, candidate: Candidate, run: Run, attempt: int, instance: LaunchResult) -> MachineReceipt:
        return MachineReceipt(
            instance_id=instance.instance_id,
            run=run.number,
            attempt=attempt,
            instance_type=candidate.instance_type,
            market=candidate.market,
            zone=instance.zone,
            image_id=instance.image_id,
            launched_at=instance.launched_at,
            hourly_micro_usd=self.spending.prices.hourly(candidate.instance_type, candidate.market),
            prepared_at=instance.prepared_at,
            burst_micro_usd=self.spending.prices.burst.get(candidate.instance_type, 0),
        )


def _slot(lease: Lease, run: Run, machine: MachineReceipt) -> Slot:
    """The machine's slot, with when it will be online if it boots as fast as those of its type before."""
    seconds = None if machine.prepared_at else lease.boots.get(machine.instance_type)
    if seconds is None:
        return Slot(run, machine)
    expected = timedelta(seconds=min(seconds, _LONGEST_BOOT))
    return Slot(run, machine, rfc3339(datetime.fromisoformat(machine.launched_at) + expected))


def _decisive(refusals: Sequence[Refusal]) -> Refusal:
    """The last refusal that is not permanent; if all are, the first with the messages of all."""
    passing = [refusal for refusal in refusals if refusal.kind != "permanent"]
    if passing:
        return passing[-1]
    first, *others = dict.fromkeys(refusals)
    return replace(first, message="; ".join([first.message, *map(str, others)])) if others else first


def _first_group(entries: Sequence[QueueEntry]) -> Sequence[QueueEntry]:
    """The entries that ask for the same machines as the first, in the same order of preference."""
    return [
        entry
        for entry in entries
        if (entry.requested_type, entry.on_demand_first) == (entries[0].requested_type, entries[0].on_demand_first)
    ]
