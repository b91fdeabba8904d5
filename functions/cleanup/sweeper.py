"""The sweeper: repairs jobs without a workflow and ends machines without a job.

It never touches a machine within its deadline whose slot belongs to a running workflow.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Protocol, TypeVar

from functions.cleanup.deletion import Purger
from functions.cleanup.run_machines import ensure_terminated, note_ends
from functions.costs.pricing import Prices, day_of
from functions.execution.ports import Machines
from functions.jobs import clock
from functions.jobs.clock import now, rfc3339
from functions.jobs.errors import CapacityAvailable, JobEnded, JobNotFound, JobUnreadable, RecordRefused
from functions.jobs.failure_catalog import job_error
from functions.jobs.isolation import isolated
from functions.jobs.job import JobStatus, MachineReceipt, Run, TimelineEvent
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import require_active
from functions.monitoring.metrics import ORPHANS_ENDED, MetricsSink, swept
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import InstanceView, Slot
from functions.scheduling.warm_pool import MAX_AGE
from functions.scheduling.warm_pool_ports import WarmPoolTable

# The owner in the ledger of machines that no run was assigned: they cost the stack, and none of its users.
UNASSIGNED = "unassigned"
VERIFIED_BY_SWEEPER = "EC2 answered the sweeper that the instance is terminated"
_RUNNING = "RUNNING"
# The share of a sweep's time that each part leaves to the later parts.
_LEAVES = {"machines": 0.5, "jobs": 0.3, "slots": 0.2, "deleted": 0.1}
# Queue entries that a sweep reads, the longest wait first.
_LOOK_AT = 100
# A day more than the pool's reconciler leaves a machine.
_POOL_FORGOTTEN_AFTER = MAX_AGE + timedelta(days=1)


T = TypeVar("T")


@dataclass
class SweepReport:
    """What a sweep found and repaired, by id."""

    started: list[str] = field(default_factory=list)  # jobs whose stream record never arrived
    ended: list[str] = field(default_factory=list)  # jobs whose workflow ended without an outcome
    terminated: list[str] = field(default_factory=list)  # machines that no running workflow is responsible for
    failed: list[str] = field(default_factory=list)  # items whose check failed; the log says why
    dropped: list[str] = field(default_factory=list)  # queue entries and slots that could not be read
    purged: list[str] = field(default_factory=list)  # deleted jobs whose last URL has expired
    unfinished: list[str] = field(default_factory=list)  # parts that the next sweep continues


class SweepIncomplete(Exception):
    """Fails the function: Lambda repeats the sweep after a minute (developer guide, "Asynchronous invocation").

    `report` is what was found and repaired all the same.
    """

    def __init__(self, report: SweepReport) -> None:
        super().__init__("a part of the sweep could not be listed; the log says why")
        self.report = report


@dataclass(frozen=True)
class _Found:
    """Machines beyond the grace period and outside of the pool, and slots, by instance id; None when not known.

    `alive` is how many machines cost anything.
    """

    aged: Mapping[str, InstanceView] | None = None
    slots: Mapping[str, Slot] | None = None
    alive: int | None = None
    overdue: int | None = None


class SweepPosition(Protocol):
    """Where the last sweep stopped, for the next one: the last id that it got to, by part of the sweep."""

    def load(self) -> Mapping[str, str]: ...

    def save(self, position: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class Sweeper:
    """Repairs jobs without a workflow and ends machines without a job.

    Machines come first, since they cost; then jobs, slots and the queue. Each item is checked in isolation: a failure
    is logged and counted, and the other items are still checked. So is a part whose items cannot be listed, since EC2
    throttles, say. A part that runs out of time is continued by the next sweep.

    `grace` is the age below which items are left alone, `machine_deadline` the age at which a machine is too old for
    any job.
    """

    jobs: JobTable
    queue: LaunchQueue
    machines: Machines
    stack: str
    grace: timedelta
    machine_deadline: timedelta
    confirm_waits: Sequence[float]  # seconds between checks of a machine that ends; a later sweep checks again
    sleep: Callable[[float], None]
    metrics: MetricsSink
    pool: WarmPoolTable | None  # None for a stack without a pool
    position: SweepPosition
    purger: Purger
    prices: Prices

    def sweep(self, time_left: Callable[[], float] = lambda: math.inf) -> SweepReport:
        """Checks as many items as there is time for; `time_left` returns seconds.

        Raises:
            SweepIncomplete: the items of a part could not be listed. The other parts were checked.
        """
        report = SweepReport()
        parts = _Parts(time_left, dict(self.position.load()), report)
        is_running = cache(lambda run: self.queue.workflow.state(run) == _RUNNING)
        # Listed together: a machine whose slot or pool could not be read must not look like one without a job.
        found = parts.listed("machines and slots", self._find) or _Found()
        slots = found.slots or {}
        notes: list[Slot] = []

        def check_machine(machine: InstanceView) -> None:
            held = slots.get(machine.instance_id)
            is_live = held is not None and is_running(held.run)
            if not is_live or clock.age(machine.launched_at) >= self.machine_deadline:
                self.machines.terminate(machine.instance_id)
                self._count(machine.instance_id, report)
                if held is not None:
                    notes.append(held)
                elif not machine.is_down:  # a stopped one was of a pool, and has cost its minutes there
                    self._charge_unassigned(machine)

        def check_slot(slot: Slot) -> None:
            if clock.age(slot.machine.launched_at) >= self.grace and not is_running(slot.run):
                self._free(slot, report)

        parts.each("machines", found.aged, check_machine)
        keys = parts.listed("open jobs", lambda: _by_name(self.jobs.open_keys()))
        parts.each("jobs", keys, lambda key: self._check_job(*key, report))
        parts.each("slots", found.slots, check_slot)
        deleted = parts.listed("deleted jobs", lambda: _by_name(self.purger.jobs.unpurged()))
        parts.each("deleted", deleted, lambda key: self._purge(*key, report))
        # A write renews the job's `updated_at`, which the jobs' check goes by, so ended machines are noted last.
        for slot in notes:
            self._note_swept(slot, report)
        with isolated("check the queue", self.stack, report.failed):
            report.dropped.extend(self.queue.table.drop_unreadable())
            self._check_queue(is_running, report)
        parts.end(self.position)
        report.failed.extend(parts.unlisted)
        self.metrics.record(
            swept(
                jobs_open=None if keys is None else len(keys),
                alive=found.alive,
                overdue=found.overdue,
                failures=len(report.failed),
            )
        )
        if parts.unlisted:
            raise SweepIncomplete(report)
        return report

    def _find(self) -> _Found:
        # Slots and pool are read after the machines, so that a machine assigned or pooled in between is found there.
        everything = {one.instance_id: one for one in self.machines.alive_of_stack(self.stack)}
        pooled = self._of_pool(list(everything.values()))
        ages = {name: clock.age(one.launched_at) for name, one in everything.items() if name not in pooled}
        return _Found(
            aged={name: everything[name] for name, age in ages.items() if age >= self.grace},
            slots={slot.machine.instance_id: slot for slot in self.queue.table.slots()},
            alive=len(everything) - sum(everything[name].is_down for name in pooled),
            overdue=sum(age >= self.machine_deadline for age in ages.values()),
        )

    def _charge_unassigned(self, machine: InstanceView) -> None:
        """A scheduler that crashed between its launch and the slots leaves a machine that no run is charged for."""
        receipt = MachineReceipt(
            machine.instance_id,
            run=0,
            attempt=0,
            instance_type=machine.instance_type,
            market=machine.market,
            zone="",
            image_id="",
            launched_at=rfc3339(machine.launched_at),
            hourly_micro_usd=self.prices.hourly(machine.instance_type, machine.market),
            burst_micro_usd=self.prices.burst.get(machine.instance_type, 0),
        )
        if receipt.instance_id not in self.queue.table.ledger(day_of(receipt)).machines:
            self.queue.charge(UNASSIGNED, receipt)

    def _purge(self, owner: str, job_id: str, report: SweepReport) -> None:
        if self.purger.purge(owner, job_id):
            report.purged.append(job_id)

    def _check_job(self, owner: str, job_id: str, report: SweepReport) -> None:
        job = self.jobs.get(owner, job_id)
        if job is None or job.status.is_terminal or clock.age(job.updated_at) < self.grace:
            return
        run, state = job.this_run, self.queue.workflow.state(job.this_run)
        if state is None and job.status is JobStatus.QUEUED:
            self.queue.workflow.start(run, job.attempts + 1)
            report.started.append(job.id)
        elif state != _RUNNING and self._end_job(run, state or "unknown"):
            report.ended.append(job.id)

    def _of_pool(self, alive: Sequence[InstanceView]) -> set[str]:
        """The ids of the machines that belong to the warm pool, claimed ones included.

        Left out: machines that the reconciler should have ended long ago, and machines that run for too long.
        """
        if self.pool is None or not alive:
            return set()
        young = {one.instance_id for one in self.pool.machines() if clock.age(one.prepared_at) < _POOL_FORGOTTEN_AFTER}
        return {
            one.instance_id
            for one in alive
            if one.instance_id in young and (one.is_down or clock.age(one.launched_at) < self.machine_deadline)
        }

    def run_ended(self, run: Run, state: str) -> SweepReport:
        """Cleans up after a run whose workflow ended as `state` (FAILED, TIMED_OUT, ABORTED)."""
        report = SweepReport()
        # A record that can never be written does not keep the slot; every sweep logs it until it is repaired.
        with suppress(JobUnreadable, RecordRefused):
            if self._end_job(run, state):
                report.ended.append(run.job_id)
        self.queue.table.remove(run)
        slot = self.queue.table.slot(run)
        if slot is None:
            self.queue.notify_next()
            return report
        for wait in self.confirm_waits:
            if self._free(slot, report):
                return report
            self.sleep(wait)
        self._free(slot, report)
        return report

    def _end_job(self, run: Run, state: str) -> bool:
        """Whether the run was not over yet."""
        error = job_error("internal_error", f"The job's workflow ended as {state} without an outcome.")
        event = TimelineEvent("failed", now(), error.message)
        change = require_active(run, lambda job: replace(job.moved(JobStatus.FAILED, event), error=error))
        with suppress(JobEnded, JobNotFound):
            self.jobs.update(run.owner, run.job_id, change)
            return True
        return False

    def _free(self, slot: Slot, report: SweepReport) -> bool:
        """Ends the machine of a slot without a running workflow; whether it is gone and the slot is free."""
        machine = slot.machine
        if not ensure_terminated(self.machines, machine.instance_id, machine.launched_at):
            self._note_swept(slot, report)
            return False
        ended, _ = note_ends(self.jobs, slot.run, {machine.instance_id: machine}, VERIFIED_BY_SWEEPER)
        self.queue.release_slot(slot.run, ended)
        return True

    def _note_swept(self, slot: Slot, report: SweepReport) -> None:
        instance_id = slot.machine.instance_id
        self._count(instance_id, report)
        event = TimelineEvent("machine_swept", now(), f"{instance_id} was still there; the sweeper ended it.")
        # The job may have been deleted meanwhile; the machine is ended all the same.
        with isolated("note the sweeper's action", slot.run.name, report.failed), suppress(JobNotFound):
            self.jobs.update(slot.run.owner, slot.run.job_id, lambda job: job.noted(event))

    def _count(self, instance_id: str, report: SweepReport) -> None:
        if instance_id not in report.terminated:
            report.terminated.append(instance_id)
            self.metrics.record([ORPHANS_ENDED.of(1)])

    def _check_queue(self, is_running: Callable[[Run], bool], report: SweepReport) -> None:
        """Removes entries whose workflow is gone, and wakes the first of the others, in case an event was lost.

        An entry that has had a slot for the grace period without a notification is woken too, and then finds the slot.
        """
        entries = self.queue.table.oldest(_LOOK_AT)[:_LOOK_AT]
        slots = {slot.run: slot for slot in self.queue.table.slots()} if entries else {}
        for entry in entries:
            with isolated("check the queue entry", entry.run.name, report.failed):
                if clock.age(entry.since) >= self.grace and not is_running(entry.run):
                    self.queue.table.remove(entry.run)
                    continue
                slot = slots.get(entry.run)
                has_slot = slot is not None and slot.machine.attempt == entry.attempt
                if slot is not None and has_slot and clock.age(slot.machine.launched_at) >= self.grace:
                    self.queue.workflow.fail(entry.token, CapacityAvailable.__name__, "there is a machine")
        self.queue.notify_next()


def _by_name(keys: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {f"{owner}/{job_id}": (owner, job_id) for owner, job_id in keys}


@dataclass
class _Parts:
    """The parts of one sweep: each goes through its items from where the last sweep stopped, while there is time."""

    time_left: Callable[[], float]
    position: dict[str, str]
    report: SweepReport
    unlisted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before = dict(self.position)
        self._whole = self.time_left()

    def listed(self, what: str, read: Callable[[], T]) -> T | None:
        """What `read` answers; None, after a note in `unlisted`, where it fails."""
        with isolated("list", what, self.unlisted):
            return read()
        return None

    def each(self, part: str, items: Mapping[str, T] | None, work: Callable[[T], object]) -> None:
        """Calls `work` with each item in order of name, starting after the last one of the sweep before.

        Without `items`, the part's position is left for the next sweep.
        """
        if items is None:
            return
        names = sorted(items)
        first = bisect_right(names, self.position.pop(part, ""))
        for name in (*names[first:], *names[:first]):
            if self.time_left() < self._whole * _LEAVES[part]:
                self.report.unfinished.append(part)
                return
            self.position[part] = name
            with isolated(f"check one of the {part}", name, self.report.failed):
                work(items[name])
        self.position.pop(part, None)

    def end(self, position: SweepPosition) -> None:
        if self.position != self._before:
            position.save(self.position)
