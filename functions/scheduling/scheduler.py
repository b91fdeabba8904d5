"""What the lease holder does: as many machines as there are entries and free slots, in as few calls as EC2 takes.

One call asks for one instance type, so those who wish for the same one, or for none, are launched for together: first
the group of the first ticket in fair order (fair_order.py). A group that EC2 has nothing for is left aside for the rest
of the turn, and the next one's turn it is.

What is about to be launched is written down before the call, with its client token. A leader that dies in the middle
is followed by one that makes the same call again and gets the same machines, so none is launched twice or forgotten.
Machines that wait in the pool (pool.py), where a stack has one, are a batch as well, which comes first.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol, TypeVar

from functions.costs.budget import AdmissionDecision, Budget, Spending, today
from functions.execution.ports import Machines
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import (
    CapacityUnavailable,
    JobEnded,
    JobNotFound,
    LaunchRefused,
    QuotaExceeded,
    SpendingCapReached,
    StepError,
    Throttled,
)
from functions.jobs.isolation import isolated
from functions.jobs.job import MachineReceipt, Run, TimelineEvent
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import is_over, require_active
from functions.scheduling.fair_order import IN_ORDER, fair_order, note_served, owners_cut_short
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import Batch, BatchResult, Candidate, LaunchResult, Lease, QueueEntry, Refusal, Slot
from functions.scheduling.warm_pool import WarmPool

STEP_ERRORS: dict[str, type[StepError]] = {
    "capacity": CapacityUnavailable,
    "quota": QuotaExceeded,
    "throttled": Throttled,
    "permanent": LaunchRefused,
}
# Machines a call: what a leader hands out within a second or two.
MAX_BATCH = 500
# An owner's entries that may still stand in the queue although they have their slot: their run is about to hear of it.
_GRANTED = 5

# As many as DynamoDB takes in one call.
_SLOTS_A_WRITE = 25

T = TypeVar("T")
Assignment = tuple[QueueEntry, Slot]
_Refusals = tuple[tuple[Candidate, Refusal], ...]
_Answer = Sequence[tuple[tuple[Run, int], LaunchResult]]


def batched(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Itertools has it from Python 3.12 on."""
    return (things[first : first + size] for first in range(0, len(things), size))


def candidates(markets: Sequence[str], instance_types: Sequence[str], subnet_ids: Sequence[str]) -> list[Candidate]:
    """Every combination, in the order of preference: market first, then type, then zone."""
    return [Candidate(kind, subnet, market) for market in markets for kind in instance_types for subnet in subnet_ids]


class ForEach(Protocol):
    def __call__(self, work: Callable[[T], object], things: Sequence[T]) -> None:
        """Does something with each of the things, several at a time."""


@dataclass(frozen=True)
class Scheduler:
    jobs: JobTable
    queue: LaunchQueue
    machines: Machines
    candidates: Sequence[Candidate]
    stack: str
    max_concurrent: int
    queue_timeout: timedelta
    throttle_waits: Sequence[float]  # seconds between tries within one turn; the workflow retries beyond them
    sleep: Callable[[float], None]
    for_each: ForEach
    spending: Spending = field(default_factory=Spending)
    new_token: Callable[[], str] = lambda: str(uuid.uuid4())
    pool: WarmPool | None = None

    def launchable(
        self, limit: int, refused: Collection[str | None] = (), served: Mapping[str, str] = MappingProxyType({})
    ) -> Sequence[QueueEntry]:
        """The entries that there are free slots for, in fair order, without those whose wish was refused.

        Nor those whom a cap on spending stops: for the moment, or for today, of which they are told.
        """
        # Only a leader, which this is, grants slots: none that a entry read after them has can be missing.
        slots = self.queue.table.slots()
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
            # An owner's entries that are of no use must not hide the owner's others.
            if not owners_cut_short(entries, looked_at, useful, room):
                return found[:room]
            looked_at *= 4
        return []

    def _affordable(
        self, entries: Sequence[QueueEntry], slots: Sequence[Slot]
    ) -> tuple[Sequence[QueueEntry], Sequence[QueueEntry]]:
        """Those that may be launched for now, and those that may be today. The others are told, and leave."""
        if not entries or not self.spending.has_day_caps:
            return entries, entries
        budget = Budget.of(self.spending, slots, self.queue.table.ledger(today()), clock.utc_now())
        decisions = [(entry, budget.admit(entry.run.owner, entry.requested_type)) for entry in entries]
        refused = [entry for entry, decision in decisions if decision is AdmissionDecision.REFUSED]

        def refuse(entry: QueueEntry) -> None:
            words = budget.refusal(entry.run.owner, entry.requested_type) or ""
            with isolated("refuse", entry.run.name):
                self.queue.reject(entry, SpendingCapReached.__name__, words)

        self.for_each(refuse, refused)
        return (
            [entry for entry, decision in decisions if decision is AdmissionDecision.GRANTED],
            [entry for entry, decision in decisions if decision is not AdmissionDecision.REFUSED],
        )

    def is_held_back(self, entry: QueueEntry) -> bool:
        """Whether a entry waits for machines to end that may still cost what is left under a cap."""
        if not self.spending.has_day_caps:
            return False
        decision = Budget.of_today(self.spending, self.queue.table).admit(entry.run.owner, entry.requested_type)
        return decision is AdmissionDecision.HELD

    def candidates_for(self, requested_type: str | None) -> Sequence[Candidate]:
        """What to ask EC2 for, the best first; a wish takes the place of the stack's own types."""
        if requested_type is None:
            return self.candidates
        return list(dict.fromkeys(replace(candidate, instance_type=requested_type) for candidate in self.candidates))

    def is_full(self) -> bool:
        return len(self.queue.table.slots()) >= self.max_concurrent

    def has_waited_too_long(self, entry: QueueEntry) -> bool:
        return clock.age(entry.since) >= self.queue_timeout

    @property
    def patience(self) -> str:
        return f"{self.queue_timeout.total_seconds() / 60:g} minutes"

    def run(self, lease: Lease, leader: QueueEntry, until: datetime) -> BatchResult:
        """Launches for the line until the leader's own ticket has its machine, EC2 refuses, or nobody can be served.

        Raises:
            LeaseLost: somebody else leads by now.
        """
        # What an earlier version of this code found good may be more.
        limit = min(lease.limit, MAX_BATCH)
        if lease.batch is not None:
            refusal, own = self._launch(lease, lease.batch, leader)
            if own is not None:
                return BatchResult(limit, own=own)
            if refusal is not None and refusal.kind == "throttled":
                return BatchResult(limit, {None: refusal}, unfinished=lease.batch)
        return self._run_groups(lease, leader, until, limit)

    def _run_groups(self, lease: Lease, leader: QueueEntry, until: datetime, limit: int) -> BatchResult:
        waits, refused = iter(self.throttle_waits), dict[str | None, Refusal]()
        for_good: dict[Candidate, Refusal] = {}
        while clock.utc_now() < until:
            entries = _first_group(self.launchable(limit, refused, lease.served))
            if not entries:
                return BatchResult(limit, refused)
            refusals, own = self._launch_for(lease, leader, entries, for_good)
            if not refusals:
                limit = min(MAX_BATCH, limit * 2)
                if own is not None:
                    return BatchResult(limit, own=own)
                continue
            last = _what_counts([refusal for _, refusal in refusals])
            if last.kind == "throttled" and len(entries) > 1:
                limit = len(entries) // 2  # perhaps more machines than the account may launch at this moment
            elif not self._goes_on(entries, last, waits):
                refused[entries[0].requested_type] = last
                if last.kind == "throttled":
                    return BatchResult(limit, refused)
        return BatchResult(limit)  # not at its end: whoever leads next asks for everybody anew

    def _goes_on(self, entries: Sequence[QueueEntry], refusal: Refusal, waits: Iterator[float]) -> bool:
        """Whether there is something to ask for, for the same wish, after this refusal, in this turn."""
        if refusal.kind == "permanent":
            heard = [self._is_rejected(entry, str(refusal)) for entry in entries]
            return all(heard)  # who does not listen stays in the queue; to ask for it would only be refused again
        wait = next(waits, None) if refusal.kind == "throttled" else None
        if wait is not None:
            self.sleep(wait)
        return wait is not None

    def _is_rejected(self, entry: QueueEntry, words: str) -> bool:
        with isolated("refuse", entry.run.name):
            return self.queue.reject(entry, LaunchRefused.__name__, words)
        return False

    def _launch_for(
        self, lease: Lease, leader: QueueEntry, entries: Sequence[QueueEntry], for_good: dict[Candidate, Refusal]
    ) -> tuple[_Refusals, Slot | None]:
        """Tries one candidate after the other. Every candidate's refusal if all refused; the leader's own slot.

        What is refused for good is kept in `for_good` and not asked for again: a policy, say, may forbid one market or
        type and no other.
        """
        refusals: _Refusals = ()
        for batch in self._batches(entries):
            if batch.candidate in for_good:
                refusals = (*refusals, (batch.candidate, for_good[batch.candidate]))
                continue
            self.queue.table.save_batch(lease, batch)
            refusal, own = self._launch(lease, batch, leader)
            if refusal is None:
                self._note(entries, refusals)
                return (), own
            refusals = (*refusals, (batch.candidate, refusal))
            if refusal.kind == "permanent":
                for_good[batch.candidate] = refusal
            if refusal.kind == "throttled":
                break
        # Being told to slow down is no news to those further back.
        self._note(entries[:1] if refusals[-1][1].kind == "throttled" else entries, refusals)
        return refusals, None

    def _batches(self, entries: Sequence[QueueEntry]) -> Iterator[Batch]:
        """What to ask for, for entries of one wish: the pool's machines, for the oldest, before new ones for all."""
        attempts = tuple((entry.run, entry.attempt) for entry in entries)
        pooled = tuple(self.pool.ready(entries[0].requested_type))[: len(attempts)] if self.pool else ()
        if self.pool and pooled:
            yield Batch(self.new_token(), self.pool.candidate, attempts[: len(pooled)], pooled)
        for candidate in self.candidates_for(entries[0].requested_type):
            yield Batch(self.new_token(), candidate, attempts)

    def _launch(self, lease: Lease, batch: Batch, leader: QueueEntry) -> tuple[Refusal | None, Slot | None]:
        """What EC2 refused, or the leader's own slot, if a machine is for its entry.

        Raises:
            LeaseLost
        """
        answer = self._started(batch) if batch.pooled else self._launched(batch)
        if isinstance(answer, Refusal):
            return answer, None
        slots = [
            Slot(run, self._record(batch.candidate, run, attempt, instance)) for (run, attempt), instance in answer
        ]
        own = next((slot for slot in slots if (slot.run, slot.machine.attempt) == (leader.run, leader.attempt)), None)
        others = [slot for slot in slots if slot is not own]
        assignments = self._assignments(others)
        granted = [*([own] if own else []), *(slot for _, slot in assignments)]
        note_served(lease.served, {slot.run.owner for slot in granted}, now())
        # Whoever took over during the call may have had another answer to it, and handed out other machines since.
        self.queue.table.save_batch(lease, batch)
        self.for_each(self.queue.table.grant_slots, list(batched(granted, _SLOTS_A_WRITE)))
        self.for_each(self._assign_isolated, assignments)
        given = {slot.run for _, slot in assignments}
        for slot in others:
            if slot.run not in given:
                with isolated("end the machine that was launched", slot.run.name):
                    self._take_back(slot)
        return None, own

    def _launched(self, batch: Batch) -> _Answer | Refusal:
        # Dispatch adds the job's, to each machine of a batch its own.
        tags = {"Name": f"mayfly {self.stack}", "mayfly:stack": self.stack, "mayfly:batch": batch.token}
        answer = self.machines.launch(batch.candidate, len(batch.attempts), batch.token, tags)
        return answer if isinstance(answer, Refusal) else list(zip(batch.attempts, answer, strict=False))

    def _started(self, batch: Batch) -> _Answer | Refusal:
        if self.pool is None:
            return Refusal("NoPool", "the stack has no pool any more", "capacity")
        answer = self.pool.start(batch.pooled, batch.token)
        if isinstance(answer, Refusal):
            return answer
        # Each machine is always meant for the same attempt, whoever carries the batch on.
        pairs = zip(batch.attempts, batch.pooled, strict=True)
        return [(attempt, answer[one]) for attempt, one in pairs if one in answer]

    def _assignments(self, slots: Sequence[Slot]) -> list[Assignment]:
        """The slots that somebody waits for."""
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

    def _take_back(self, slot: Slot) -> None:
        """Nobody waits for it: cancelled meanwhile; or handed out before, by a leader that did not come to its end."""
        held = self.queue.table.slot(slot.run)
        if held is None or held.machine.instance_id != slot.machine.instance_id:
            self.machines.terminate(slot.machine.instance_id)
            self.queue.charge(slot.run.owner, slot.machine)

    def _assign_isolated(self, assignment: Assignment) -> None:
        """Whoever is not notified keeps its slot, and finds it when its step is tried again."""
        with isolated("notify of its machine", assignment[1].run.name):
            self.assign(*assignment)

    def assign(self, entry: QueueEntry, slot: Slot) -> None:
        """Tells a waiting run of the machine that it was granted; ends the machine if it was cancelled meanwhile."""
        run = slot.run
        if not self.queue.notify(entry, slot) and is_over(self.jobs.get(run.owner, run.job_id), run):
            self.machines.terminate(slot.machine.instance_id)

    def _note(self, entries: Sequence[QueueEntry], refusals: _Refusals) -> None:
        events = [TimelineEvent("launch_refused", now(), f"{one}: {refusal.code}.") for one, refusal in refusals]
        for entry in entries if events else ():
            run = entry.run
            # One that was cancelled or deleted while it waited leaves the queue by itself.
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


def _what_counts(refusals: Sequence[Refusal]) -> Refusal:
    """The last refusal that time may end; where all are for good, all that they say."""
    passing = [refusal for refusal in refusals if refusal.kind != "permanent"]
    if passing:
        return passing[-1]
    first, *others = dict.fromkeys(refusals)
    return replace(first, message="; ".join([first.message, *map(str, others)])) if others else first


def _first_group(entries: Sequence[QueueEntry]) -> Sequence[QueueEntry]:
    """Those who want what the first one wants."""
    return [entry for entry in entries if entry.requested_type == entries[0].requested_type]
