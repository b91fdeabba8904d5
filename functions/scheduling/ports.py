"""What scheduling needs of the world: the launch queue, slots, the scheduler's lease, the cost ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from functions.jobs.job import MachineReceipt, Run


@dataclass(frozen=True)
class QueueEntry:
    """A run's place in the line: who waits for a machine since when (RFC 3339 UTC), and how to tell them.

    `wish` is the one instance type that will do; None is any of the stack's. A run that has asked for a machine often
    is `quiet_until` then (RFC 3339 UTC): it is told of a machine, and not asked to come again.
    """

    run: Run
    attempt: int
    token: str
    since: str
    requested_type: str | None = None
    quiet_until: str | None = None


@dataclass(frozen=True)
class Slot:
    """One machine's place among `max_concurrent_jobs`, held until that machine is confirmed terminated."""

    run: Run
    machine: MachineReceipt


@dataclass(frozen=True)
class Candidate:
    """One thing to ask EC2 for."""

    instance_type: str
    subnet_id: str
    market: str  # "on-demand" or "spot"

    def __str__(self) -> str:
        return f"{self.instance_type}, {self.market}, {self.subnet_id}"


@dataclass(frozen=True)
class Batch:
    """A launch that is under way: its client token, what is asked for, and whose attempts it is for, in order.

    `pooled` are the machines of the pool that are meant for these attempts, one each; none, and EC2 launches new ones.
    """

    token: str
    candidate: Candidate
    attempts: tuple[tuple[Run, int], ...]
    pooled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lease:
    """The right to launch for everybody in the queue, held by one at a time.

    `limit` is how many machines to ask for at once; `batch` is what an earlier holder may not have finished. `served`
    is when owners got a machine last (RFC 3339 UTC), which the holder keeps up to date.
    """

    holder: str
    limit: int
    batch: Batch | None
    served: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """Why EC2 did not launch: its error code, words for whoever owns the job, and what the code means for us."""

    code: str
    message: str
    kind: str  # "capacity", "quota", "throttled" or "permanent"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class BatchResult:
    """How a leader's turn ended, for the next one.

    `limit` follows from what EC2 answered; `refusals` is what it refused to those who are left, by wish and in the
    order in which it did. `own` is the slot of the leader's own ticket, `unfinished` a batch that has to be tried again
    as it is.
    """

    limit: int
    refusals: Mapping[str | None, Refusal] = field(default_factory=dict)
    own: Slot | None = None
    unfinished: Batch | None = None

    @property
    def refusal(self) -> Refusal | None:
        """EC2's last no."""
        return list(self.refusals.values())[-1] if self.refusals else None


@dataclass(frozen=True)
class Charge:
    """What a machine has cost, whole micro-USD, for the UTC day of its launch (`2026-01-31`)."""

    day: str
    owner: str
    instance_id: str
    micro_usd: int


@dataclass(frozen=True)
class DayLedger:
    """What the machines that were launched on one day and are gone have cost, by owner, and which those are."""

    day: str
    spent: Mapping[str, int] = field(default_factory=dict)
    machines: frozenset[str] = frozenset()


class SchedulingTable(Protocol):
    """Who waits for a machine, who holds a slot, who leads, and what machines have cost.

    Reads see every earlier write.
    """

    def enqueue(
        self,
        run: Run,
        attempt: int,
        token: str,
        requested_type: str | None = None,
        quiet_until: str | None = None,
        order: str = "",
    ) -> QueueEntry:
        """Takes a queue entry, or gives the run's place a new token; the entry tells since when it waits.

        `order` sorts the tries of a run's Launch step. A place that a later try has taken (this call was held up, say)
        stays as it is, and is answered.
        """

    def oldest(self, limit: int) -> Sequence[QueueEntry]:
        """Up to `limit` entries of each owner that has some, by when they began to wait.

        Of an owner who has more they are those of the oldest job ids.
        """

    def entry(self, run: Run) -> QueueEntry | None: ...

    def remove(self, run: Run, attempt: int | None = None) -> QueueEntry | None:
        """Gives up the run's queue entry (only the attempt's, if one is named); the entry as it was last."""

    def slot(self, run: Run) -> Slot | None: ...

    def slots(self) -> Sequence[Slot]: ...

    def drop_unreadable(self) -> Sequence[str]:
        """Removes queue entries and slots that cannot be read, which every other method leaves out; their names."""

    def grant_slots(self, slots: Sequence[Slot]) -> None:
        """Gives each slot's run its slot; doing so twice is harmless."""

    def release_slot(self, run: Run, instance_id: str) -> None:
        """Frees the run's slot if it is this machine's; doing so twice is harmless."""

    def charge(self, charge: Charge) -> None:
        """Enters what a machine has cost; doing so twice is harmless, the first amount stays."""

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        """A day's, of one owner if one is named."""

    def acquire_lease(self, name: str) -> Lease | None:
        """Takes the lease, unless somebody else has it; `name` had it before and takes it over at once."""

    def is_leased(self) -> bool:
        """Whether somebody has the lease at this moment."""

    def last_served(self) -> Mapping[str, str]:
        """The `served` that a leader wrote down last."""

    def save_batch(self, lease: Lease, batch: Batch) -> None:
        """Writes down what is about to be launched, in the place of the batch before, and the lease's `served`.

        Raises:
            LeaseLost: somebody else leads by now.
        """

    def release_lease(self, lease: Lease, result: BatchResult) -> None:
        """Gives the lease back; the next one sees the turn's `limit` and `unfinished`."""


@dataclass(frozen=True)
class LaunchResult:
    """Times RFC 3339 UTC; `prepared_at` is when the pool launched a machine that is now started for a job."""

    instance_id: str
    zone: str
    image_id: str
    launched_at: str
    prepared_at: str | None = None
