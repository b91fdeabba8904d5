"""What scheduling needs of the world: the launch queue, slots, the scheduler's lease, and machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from functions.costs.ports import CostLedger
from functions.jobs.job import Job, MachineReceipt, Run

# Machines per call: as many as the lease holder assigns within a second or two.
MAX_BATCH = 500


@dataclass(frozen=True)
class QueueEntry:
    """A waiting run: since when it waits (RFC 3339 UTC), and the task token that its workflow waits with.

    `requested_type` is the only instance type that will do; None is any of the stack's. A run that has asked for a
    machine often has `quiet_until` (RFC 3339 UTC): until then it is given a machine, but not asked to try again. One
    that has lost a spot machine asks for capacity `on_demand_first`.
    """

    run: Run
    attempt: int
    token: str
    since: str
    requested_type: str | None = None
    quiet_until: str | None = None
    on_demand_first: bool = False


@dataclass(frozen=True)
class Slot:
    """One machine's place among `max_concurrent_jobs`, held until that machine is confirmed terminated.

    `online_at` (RFC 3339 UTC) is when its agent is expected to be online, by the boots before; None is not known.
    """

    run: Run
    machine: MachineReceipt
    online_at: str | None = None


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


@dataclass
class Lease:
    """The right to launch for all runs in the queue; one invocation holds it at a time.

    `limit` is how many machines to ask for at once. `batch` is a launch that an earlier holder may not have finished.
    `served` maps owners to when they last got a machine (RFC 3339 UTC), and `slots` is how many slots are held: the
    holder keeps both up to date, and grants slots alone. `boots` is how long machines took from launch to agent, in
    seconds, by instance type.
    """

    holder: str
    limit: int
    batch: Batch | None
    served: dict[str, str] = field(default_factory=dict)
    boots: Mapping[str, float] = field(default_factory=dict)
    slots: int | None = None


@dataclass(frozen=True)
class LeaseState:
    """The launch lease as a run finds it: whether another run holds it.

    `slots` is how many slots its holders saw or granted a moment ago, of which some may be free by now; None where that
    was longer ago.
    """

    is_held: bool
    slots: int | None = None


@dataclass(frozen=True)
class Refusal:
    """Why EC2 did not launch: its error code, words for the job's owner, and how the code is handled."""

    code: str
    message: str
    kind: str  # "capacity", "quota", "throttled" or "permanent"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class BatchResult:
    """What one holding of the lease came to.

    `limit` is how many machines the next holder may ask for. `refusals` maps requested types to what EC2 refused for
    them, in the order of the calls. `own` is the slot of the holder's own run. `unfinished` is a batch that the next
    holder has to try again unchanged.
    """

    limit: int
    refusals: Mapping[str | None, Refusal] = field(default_factory=dict)
    own: Slot | None = None
    unfinished: Batch | None = None

    @property
    def refusal(self) -> Refusal | None:
        """EC2's last refusal."""
        return list(self.refusals.values())[-1] if self.refusals else None


class QueueTable(Protocol):
    """The launch queue's entries."""

    def enqueue(
        self,
        run: Run,
        attempt: int,
        token: str,
        requested_type: str | None = None,
        quiet_until: str | None = None,
        order: str = "",
        *,
        on_demand_first: bool = False,
    ) -> QueueEntry:
        """Writes the run's entry, or gives its entry a new token; the entry as it is then.

        `order` sorts the tries of a run's Launch step: an entry that a later try has written (this call was held up,
        say) stays as it is.
        """

    def oldest(self, limit: int) -> Sequence[QueueEntry]:
        """Up to `limit` entries of each owner, the longest wait first.

        Of an owner with more entries, those of the oldest jobs.
        """

    def entry(self, run: Run) -> QueueEntry | None: ...

    def remove(self, run: Run, attempt: int | None = None) -> QueueEntry | None:
        """Removes the run's entry, if an attempt is named only that attempt's; the entry as it was last."""

    def drop_unreadable(self) -> Sequence[str]:
        """Removes queue entries and slots that cannot be read, which every other method leaves out; their names."""


class SlotTable(Protocol):
    """The slots: one item for each machine that is not confirmed terminated."""

    def slot(self, run: Run) -> Slot | None: ...

    def slots(self) -> Sequence[Slot]: ...

    def slot_count(self) -> int:
        """How many slots are held, the unreadable ones included."""

    def grant_slots(self, slots: Sequence[Slot]) -> None:
        """Writes the slots; doing so twice is harmless."""

    def release_slot(self, run: Run, instance_id: str) -> None:
        """Frees the run's slot if it is this machine's; doing so twice is harmless."""


class LeaseTable(Protocol):
    """The launch lease."""

    def acquire_lease(self, name: str) -> Lease | None:
        """The lease; None if another run holds it. A run takes over at once what its own earlier try held (`name`)."""

    def is_leased(self) -> bool:
        """Whether the lease is held at this moment."""

    def batch_under_way(self) -> Batch | None:
        """The batch that a holder saved last and has not finished: its machines may be launching at this moment."""

    def last_served(self) -> Mapping[str, str]:
        """The latest `served` that was saved."""

    def note_boot(self, instance_type: str, seconds: float) -> None:
        """Saves how long a machine took from its launch until its agent was online, for later leases' `boots`."""

    def save_batch(self, lease: Lease, batch: Batch) -> None:
        """Saves the batch that is about to be launched, replacing the one before, and the lease's `served` and `slots`.

        Raises:
            LeaseLost: another run holds the lease by now.
        """

    def release_lease(self, lease: Lease, result: BatchResult) -> None:
        """Releases the lease, and saves its `slots`; the next holder gets the result's `limit` and `unfinished`."""


class SchedulingTable(QueueTable, SlotTable, CostLedger, LeaseTable, Protocol):
    """All of what scheduling stores, which one DynamoDB table holds. Reads see every earlier write."""


class RunReader(Protocol):
    """Several records of a run in one call. Reads see every earlier write, but the records are read one by one."""

    def job_and_slot(self, run: Run) -> tuple[Job | None, Slot | None]:
        """Raises JobUnreadable: this version cannot read the job's record."""

    def before_launch(self, run: Run) -> tuple[Job | None, Slot | None, LeaseState]:
        """Job and slot, and the launch lease at this moment.

        Raises:
            JobUnreadable: this version cannot read the job's record.
        """

    def at_end(self, run: Run) -> tuple[Job | None, Slot | None, bool]:
        """Job and slot, and whether the run is in the queue; the job is None also where it cannot be read."""


@dataclass(frozen=True)
class LaunchResult:
    """Times RFC 3339 UTC; `prepared_at` is when the pool launched a machine that is now started for a job."""

    instance_id: str
    zone: str
    image_id: str
    launched_at: str
    prepared_at: str | None = None


@dataclass(frozen=True)
class InstanceView:
    """An instance of the stack that is neither terminated nor on its way there.

    `launched_at` is when it was started last (EC2's LaunchTime). `market` is "on-demand" or "spot".
    """

    instance_id: str
    launched_at: datetime
    state: str = "running"  # EC2's name of it
    instance_type: str = ""
    market: str = "on-demand"

    @property
    def is_down(self) -> bool:
        """Stopped, or about to be; that is not terminated."""
        return self.state in {"stopping", "stopped"}


class Instances(Protocol):
    """The calls of EC2 that start, show and end machines."""

    def launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> Sequence[LaunchResult] | Refusal:
        """Launches up to `count` machines, at least one; the same call again answers the same machines.

        An error that leaves open whether anything was launched (a time-out, say) is raised, not returned, unless EC2
        answers it again and again: that is a refusal for want of capacity, and machines may come of it all the same.
        """

    def tag(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        """Tags a machine for people who look at EC2. Nothing depends on it: a refusal is returned, not raised."""

    def instance_state(self, instance_id: str) -> str | None:
        """EC2's state name, or None when EC2 does not know the instance."""

    def alive_of_stack(self, stack: str) -> Iterable[InstanceView]: ...

    def terminate(self, instance_id: str) -> str | None:
        """Asks for termination; returns the state EC2 answers, None for an instance that it does not know.

        Raises:
            Throttled
        """

    def terminate_all(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """The same for up to a thousand, in one call if EC2 knows them all; the state of each that it knows.

        Raises:
            Throttled
        """
