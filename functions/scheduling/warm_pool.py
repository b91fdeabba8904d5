"""The warm pool: stopped machines that have booted once; each is started for one job and never stopped again.

The lease holder claims machines and starts them (`WarmPool`); a scheduled function keeps the pool full
(`WarmPoolReconciler`). A claim is final: the lease holder assigns a claimed machine, or the reconciler ends it after a
grace period in which another holder may still resume the batch.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.isolation import isolated
from functions.scheduling.ports import Candidate, Instances, InstanceView, LaunchResult, Refusal, SchedulingTable
from functions.scheduling.warm_pool_ports import PooledMachine, WarmPoolMachines, WarmPoolTable

# Older machines are replaced, so that the pool has a recent image.
MAX_AGE = timedelta(days=7)
# A spot instance can only be stopped with a persistent request, which would launch a replacement by itself.
MARKET = "on-demand"


@dataclass(frozen=True)
class WarmPool:
    """The pool as a lease holder sees it; its machines are of one type."""

    table: WarmPoolTable
    machines: WarmPoolMachines
    instance_type: str

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.instance_type, "the pool", MARKET)

    def ready(self, requested_type: str | None) -> Sequence[str]:
        """The ids of machines that can be claimed for a requested instance type, the oldest first."""
        if requested_type not in {None, self.instance_type}:
            return ()
        found = [one for one in self.table.machines() if one.is_ready and one.claim is None and self._fits(one)]
        return [one.instance_id for one in sorted(found, key=lambda one: one.prepared_at)]

    def _fits(self, machine: PooledMachine) -> bool:
        return machine.instance_type == self.instance_type and clock.age(machine.prepared_at) < MAX_AGE

    def start(self, instance_ids: Sequence[str], token: str) -> Mapping[str, LaunchResult] | Refusal:
        """Claims and starts machines for a batch; those that could be started, by id. Idempotent for one `token`."""
        claimed = [one for one in (self.table.claim(each, token) for each in instance_ids) if one is not None]
        started_at = now()
        started = self.machines.start([one.instance_id for one in claimed]) if claimed else ()
        if isinstance(started, Refusal):
            return replace(started, kind="capacity")  # any kind: new machines are launched instead
        if not started:
            return Refusal("NotInPool", "other batches claimed the machines, or they are gone", "capacity")
        return {
            one.instance_id: LaunchResult(
                one.instance_id, one.zone, one.image_id, started_at, prepared_at=one.prepared_at
            )
            for one in claimed
            if one.instance_id in started
        }


@dataclass
class ReconcileReport:
    """What the reconciler did, by instance id; `refusal` is EC2's last refusal to launch one."""

    launched: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    made_ready: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    refusal: str | None = None


@dataclass(frozen=True)
class WarmPoolReconciler:
    """Keeps `size` machines ready. `grace` is how long a claim is left alone, and how long EC2 may not show a machine.

    `ready_within` is how long a machine may take to be ready. `settle` is how long after the request to stop a delayed
    reconciler may still send it to EC2: its function has timed out by then. Two reconcilers at once are harmless; the
    next one ends surplus machines.
    """

    table: WarmPoolTable
    queue: SchedulingTable
    machines: Instances
    pool_machines: WarmPoolMachines
    candidates: Sequence[Candidate]  # of one instance type, on demand
    stack: str
    size: int
    grace: timedelta
    ready_within: timedelta
    settle: timedelta
    new_token: Callable[[], str] = lambda: str(uuid.uuid4())

    def reconcile(self) -> ReconcileReport:
        report = ReconcileReport()
        known = self.table.machines()
        alive = {one.instance_id: one for one in self.machines.alive_of_stack(self.stack)} if known else {}
        # Slots are read after the claims: a run whose claim is past its grace period has its slot, or had it.
        held = {slot.machine.instance_id for slot in self.queue.slots()} if known else set()
        kept = []
        for machine in known:
            with isolated("reconcile the pooled machine", machine.instance_id):
                if machine.claim is not None:
                    self._reconcile_claimed(
                        machine, alive.get(machine.instance_id), machine.instance_id in held, report
                    )
                elif self._is_kept(machine, alive.get(machine.instance_id)):
                    kept.append(machine)
                else:
                    self._end(machine, report)
        # Ready ones are kept first, then the newest.
        kept.sort(key=lambda one: (one.is_ready, one.prepared_at), reverse=True)
        for surplus in kept[self.size :]:
            with isolated("end the surplus machine", surplus.instance_id):
                self._end(surplus, report)
        with isolated("stop and make ready the pool's machines", self.stack):
            self._prepare([one for one in kept[: self.size] if not one.is_ready], alive, report)
        self._fill_up(self.size - len(kept), report)
        return report

    def _reconcile_claimed(
        self, machine: PooledMachine, alive: InstanceView | None, is_held: bool, report: ReconcileReport
    ) -> None:
        if machine.claim is None or clock.age(machine.claim.at) < self.grace:
            return
        if is_held:
            self.table.remove(machine)  # assigned
        elif alive is not None and alive.state == "stopped":
            if self.table.release(machine):  # EC2 refused to start it
                report.released.append(machine.instance_id)
        else:
            self._end(machine, report)  # started but not assigned by its lease holder, or used and gone

    def _is_kept(self, machine: PooledMachine, alive: InstanceView | None) -> bool:
        age = clock.age(machine.prepared_at)
        if alive is None:
            return age < self.grace  # EC2 may not show it yet
        fits = machine.instance_type == self.candidates[0].instance_type and age < MAX_AGE
        if machine.is_ready:
            return fits and alive.is_down
        return fits and (age < self.ready_within or (alive.state == "stopped" and machine.stop_asked_at is not None))

    def _end(self, machine: PooledMachine, report: ReconcileReport) -> None:
        # Removed from the table first: after a crash in between, the sweeper ends it as an orphan.
        if self.table.remove(machine):
            self.machines.terminate(machine.instance_id)
            report.removed.append(machine.instance_id)

    def _prepare(
        self, machines: Sequence[PooledMachine], alive: Mapping[str, InstanceView], report: ReconcileReport
    ) -> None:
        """Stops machines that have booted, and marks stopped ones as ready."""
        up: list[str] = []
        for machine in machines:
            seen = alive.get(machine.instance_id)
            state = seen.state if seen is not None else None
            if state == "running":
                up.append(machine.instance_id)
            elif state == "stopped" and self._has_settled(machine):
                with isolated("make the pooled machine ready", machine.instance_id):
                    if self.table.make_ready(machine):
                        report.made_ready.append(machine.instance_id)
        stopping: list[str] = []
        for one in self.pool_machines.online(up) if up else ():
            with isolated("ask the pooled machine to stop", one):
                if self.table.ask_stop(one):
                    stopping.append(one)
        if stopping:
            self.pool_machines.stop(stopping)
            report.stopped.extend(stopping)

    def _fill_up(self, missing: int, report: ReconcileReport) -> None:
        for candidate in self.candidates:
            if missing <= 0:
                return
            token = self.new_token()
            tags = {"Name": f"mayfly {self.stack} pool", "mayfly:stack": self.stack, "mayfly:batch": token}
            answer = self.machines.launch(candidate, missing, token, tags)
            if isinstance(answer, Refusal):
                report.refusal = f"{candidate}: {answer}"
                continue
            self.table.add(
                [
                    PooledMachine(one.instance_id, candidate.instance_type, one.zone, one.image_id, one.launched_at)
                    for one in answer
                ]
            )
            report.launched.extend(one.instance_id for one in answer)
            missing -= len(answer)

    def _has_settled(self, machine: PooledMachine) -> bool:
        """Whether no delayed request to stop it can follow; false for a machine that the pool did not stop."""
        return machine.stop_asked_at is not None and clock.age(machine.stop_asked_at) >= self.settle
