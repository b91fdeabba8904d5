from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.jobs import clock
from functions.jobs.clock import rfc3339
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import BatchResult, Candidate, InstanceView, Refusal, Slot
from functions.scheduling.scheduler import Scheduler
from functions.scheduling.warm_pool import MAX_AGE, ReconcileReport, WarmPool, WarmPoolReconciler
from functions.scheduling.warm_pool_ports import Claim, PooledMachine
from simulation.dynamodb import TABLE
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.sweeper import GRACE, a_sweeper
from tests.functions.fakes.tables import new_scheduling_table
from tests.functions.fakes.warm_pool import FakePoolMachines, pool_of, pooled
from tests.functions.fakes.workflow import FakeWorkflow
from tests.functions.scheduling.waiting_queue import FULL, QUOTA, THROTTLED, WaitingQueue

pytestmark = pytest.mark.usefixtures("stopped_clock")

READY_WITHIN, SETTLE = timedelta(minutes=10), timedelta(seconds=45)
ONE, TWO = (Candidate("t4g.small", subnet, "on-demand") for subnet in ("subnet-a", "subnet-b"))


def ago(age: timedelta) -> str:
    return rfc3339(clock.utc_now() - age)


def preparing(instance_id: str, age: timedelta = timedelta(minutes=1)) -> PooledMachine:
    return pooled(instance_id, prepared_at=ago(age), stop_asked_at=None, is_ready=False)


class Reconciliation:
    """A reconciler of two, over machines in states of their own."""

    def __init__(self, *known: tuple[PooledMachine, str | None], size: int = 2) -> None:
        self.table = pool_of(*(machine for machine, _ in known))
        self.queue, self.machines, self.pool_machines = (
            new_scheduling_table(),
            FakeMachines(),
            FakePoolMachines(),
        )
        self.machines.states = {machine.instance_id: state for machine, state in known if state}
        self.machines.alive = [InstanceView(one, clock.utc_now(), state) for one, state in self.machines.states.items()]
        tokens = map(str, count())
        self.reconciler = WarmPoolReconciler(
            self.table,
            self.queue,
            self.machines,
            self.pool_machines,
            (ONE, TWO),
            "dev",
            size,
            GRACE,
            READY_WITHIN,
            SETTLE,
            new_token=lambda: next(tokens),
        )

    def reconcile(self) -> ReconcileReport:
        return self.reconciler.reconcile()


def test_an_empty_pool_is_filled_in_one_call() -> None:
    reconciler = Reconciliation()
    report = reconciler.reconcile()
    assert report == ReconcileReport(launched=["i-1", "i-2"])
    (asked,) = reconciler.machines.asked
    assert (asked.candidate, asked.count) == (ONE, 2)
    assert asked.tags["mayfly:stack"] == "dev"
    assert [one.is_ready for one in reconciler.table.machines()] == [False, False]


def test_a_full_zone_leaves_the_rest_to_the_next_one() -> None:
    reconciler = Reconciliation()
    reconciler.machines.answers = [1, FULL]
    report = reconciler.reconcile()
    assert (report.launched, report.refusal) == (["i-1"], f"{TWO}: {FULL}")


def test_a_machine_is_stopped_once_its_agent_has_reported() -> None:
    reconciler = Reconciliation((preparing("i-a"), "running"), (preparing("i-b"), "running"))
    reconciler.pool_machines.agents = {"i-b"}
    assert reconciler.reconcile() == ReconcileReport(stopped=["i-b"])
    assert reconciler.pool_machines.stopped == ["i-b"]


def test_a_stopped_machine_is_ready_when_no_call_can_be_about_to_stop_it(stopped_clock: StoppedClock) -> None:
    machine = replace(preparing("i-a"), stop_asked_at=ago(timedelta()))
    reconciler = Reconciliation((machine, "stopped"), size=1)
    assert reconciler.reconcile() == ReconcileReport()
    stopped_clock.go_on(SETTLE.total_seconds())
    assert reconciler.reconcile() == ReconcileReport(made_ready=["i-a"])


@pytest.mark.parametrize(
    ("machine", "state"),
    [
        (preparing, "running"),  # its agent never reported
        (preparing, "stopped"),  # by another, before it had come up
        (preparing, None),  # gone
    ],
)
def test_a_machine_that_never_gets_ready_is_ended_and_replaced(machine: object, state: str | None) -> None:
    reconciler = Reconciliation((preparing("i-a", READY_WITHIN), state), size=1)
    report = reconciler.reconcile()
    assert (report.removed, len(report.launched)) == (["i-a"], 1)
    assert reconciler.machines.terminated == ["i-a"]


def test_a_machine_that_ec2_does_not_show_yet_is_waited_for() -> None:
    assert Reconciliation((preparing("i-a"), None), size=1).reconcile() == ReconcileReport()


@pytest.mark.parametrize(
    "changes",
    [
        {"prepared_at": "2026-01-24T09:15:00.000Z"},  # as old as a machine gets
        {"instance_type": "t4g.nano"},  # what the stack had before
    ],
)
def test_a_machine_that_is_not_wanted_any_more_is_ended_and_replaced(changes: dict[str, str]) -> None:
    reconciler = Reconciliation((pooled("i-a", **changes), "stopped"), size=1)
    report = reconciler.reconcile()
    assert (report.removed, len(report.launched)) == (["i-a"], 1)


def test_a_smaller_pool_keeps_the_ready_and_the_newest() -> None:
    old, new = pooled("i-old"), pooled("i-new", prepared_at="2026-01-31T08:30:00.000Z")
    reconciler = Reconciliation((preparing("i-unready"), "running"), (old, "stopped"), (new, "stopped"), size=1)
    assert reconciler.reconcile() == ReconcileReport(removed=["i-old", "i-unready"])
    assert reconciler.machines.asked == []


def test_a_claimed_machine_is_left_alone_for_a_while() -> None:
    claimed = pooled("i-a", claim=Claim("token", ago(timedelta(seconds=30))))
    reconciler = Reconciliation((claimed, "running"), size=1)
    assert reconciler.reconcile().removed == []
    assert claimed in reconciler.table.machines()
    assert len(reconciler.machines.asked) == 1, "and replaced meanwhile"


def test_a_machine_that_was_handed_out_is_forgotten_and_not_touched() -> None:
    reconciler = Reconciliation((pooled("i-a", claim=Claim("token", ago(GRACE))), "running"), size=0)
    reconciler.queue.grant_slots([Slot(RUN, a_machine("i-a"))])
    assert reconciler.reconcile() == ReconcileReport()
    assert (reconciler.table.machines(), reconciler.machines.terminated) == ([], [])


def test_a_machine_that_was_started_and_granted_to_no_run_is_ended() -> None:
    reconciler = Reconciliation((pooled("i-a", claim=Claim("token", ago(GRACE))), "running"), size=0)
    assert reconciler.reconcile() == ReconcileReport(removed=["i-a"])


def test_a_machine_that_ec2_refused_to_start_is_given_back_to_the_pool() -> None:
    reconciler = Reconciliation((pooled("i-a", claim=Claim("token", ago(GRACE))), "stopped"), size=1)
    assert reconciler.reconcile().released == ["i-a"]
    assert reconciler.table.claim("i-a", "another")


class PooledQueue:
    """Jobs in the queue, and a pool."""

    def __init__(self, jobs: int, *known: PooledMachine) -> None:
        self.queue = WaitingQueue.of(jobs)
        self.queue.enqueue(*self.queue.runs)
        self.table, self.machines = pool_of(*known), FakePoolMachines()
        self.queue.machines.states = {one.instance_id: "stopped" for one in known}

    @property
    def scheduler(self) -> Scheduler:
        return replace(self.queue.scheduler(), pool=WarmPool(self.table, self.machines, "t4g.small"))

    def run(self, leader: int = 0) -> BatchResult:
        run = self.queue.runs[leader]
        lease = self.queue.lease(run.name)
        until = clock.utc_now() + timedelta(seconds=30)
        result = self.scheduler.run(lease, self.queue.entry(run), until)
        self.queue.table.release_lease(lease, result)
        return result

    @property
    def held(self) -> list[str]:
        return [slot.machine.instance_id for slot in self.queue.table.slots()]


def test_the_oldest_entries_get_the_pools_machines_in_one_call_and_the_others_new_ones() -> None:
    queue = PooledQueue(4, pooled("i-p1"), pooled("i-p2", prepared_at="2026-01-31T07:00:00.000Z"))
    queue.run(leader=3)
    assert queue.machines.started == [["i-p2", "i-p1"]]
    assert queue.queue.counts == [2]
    assert queue.held[:2] == ["i-p2", "i-p1"]


def test_the_receipt_tells_that_a_machine_waited_in_the_pool_and_when_it_was_started(
    stopped_clock: StoppedClock,
) -> None:
    machine = pooled()
    own = PooledQueue(1, machine).run().own
    assert own is not None
    record = own.machine
    assert (record.prepared_at, record.launched_at) == (machine.prepared_at, rfc3339(stopped_clock.moment))
    assert (record.zone, record.image_id, record.market) == (machine.zone, machine.image_id, "on-demand")


@pytest.mark.parametrize("changes", [{"is_ready": False}, {"prepared_at": "2026-01-24T09:15:00.000Z"}])
def test_a_machine_that_is_not_ready_or_too_old_is_not_taken(changes: dict[str, object]) -> None:
    queue = PooledQueue(1, pooled(**changes))  # type: ignore[arg-type]
    queue.run()
    assert (queue.machines.started, queue.held) == ([], ["i-2"])


def test_a_run_that_requests_another_type_gets_nothing_of_the_pool() -> None:
    pool = WarmPool(pool_of(pooled()), FakePoolMachines(), "t4g.small")
    assert pool.ready("c7g.large") == ()
    assert pool.ready("t4g.small") == pool.ready(None) == ["i-p1"]


@pytest.mark.parametrize("refusal", [FULL, QUOTA, THROTTLED, Refusal("IncorrectInstanceState", "gone", "permanent")])
def test_who_gets_no_machine_of_the_pool_gets_a_new_one_at_once(refusal: Refusal) -> None:
    queue = PooledQueue(1, pooled())
    queue.machines.refusals = [refusal]
    assert queue.run().own
    assert queue.held == ["i-2"]
    run = queue.queue.runs[0]
    assert queue.queue.refusals(run) == [f"t4g.small, on-demand, the pool: {refusal.code}."]
    assert queue.table.machines()[0].claim, "the reconciler looks into it"


def test_a_leader_that_died_is_followed_by_one_that_hands_out_the_same_machines() -> None:
    queue = PooledQueue(2, pooled("i-p1"), pooled("i-p2"))
    queue.machines.refusals = [TimeoutError()]
    with pytest.raises(TimeoutError):
        queue.run()
    queue.run()  # the workflow of the leader tries its step again
    assert queue.machines.started == [["i-p1", "i-p2"]] * 2
    assert queue.held == ["i-p1", "i-p2"]


def test_a_machine_that_another_holder_claimed_is_not_granted() -> None:
    queue = PooledQueue(2, pooled("i-p1"), pooled("i-p2"))
    scheduler = queue.scheduler
    assert scheduler.pool is not None
    ready = scheduler.pool.ready(None)
    queue.table.claim("i-p1", "another batch")
    started = scheduler.pool.start(ready, "token")
    assert not isinstance(started, Refusal)
    assert list(started) == ["i-p2"]
    queue.table.claim("i-p2", "token")
    refused = scheduler.pool.start(["i-p1"], "token")
    assert isinstance(refused, Refusal)
    assert refused.kind == "capacity"


def test_a_machine_that_ec2_does_not_know_any_more_keeps_no_other_from_being_handed_out() -> None:
    queue = PooledQueue(2, pooled("i-p1"), pooled("i-p2"))
    queue.machines.unknown = {"i-p1"}
    assert queue.scheduler.pool is not None
    started = queue.scheduler.pool.start(["i-p1", "i-p2"], "token")
    assert not isinstance(started, Refusal)
    assert list(started) == ["i-p2"]
    assert isinstance(queue.scheduler.pool.start(["i-p1"], "token"), Refusal)


def sweep(pool: DynamoWarmPoolTable | None, *alive: InstanceView) -> list[str]:
    """The machines that a sweep ends, of those that no run has a slot for."""
    table, flow, machines = new_scheduling_table(), FakeWorkflow(), FakeMachines(alive=list(alive))
    machines.states = {one.instance_id: one.state for one in alive}
    jobs = MemoryJobTable(a_job(updated_at=rfc3339(clock.utc_now())))
    return a_sweeper(jobs, LaunchQueue(table, flow), machines, pool=pool).sweep().terminated


def alive(instance_id: str, state: str, age: timedelta) -> InstanceView:
    return InstanceView(instance_id, clock.utc_now() - age, state)


def test_the_sweeper_leaves_the_pool_to_its_reconciler() -> None:
    started = pooled("i-starts", claim=Claim("token", ago(timedelta())))
    pool = pool_of(pooled("i-waits"), preparing("i-comes"), started)
    waits, comes = alive("i-waits", "stopped", timedelta(days=6)), alive("i-comes", "running", timedelta(minutes=5))
    starts, stray = alive("i-starts", "stopped", timedelta(days=1)), alive("i-stray", "stopped", timedelta(days=1))
    assert sweep(pool, waits, comes, starts, stray) == ["i-stray"]


def test_the_sweeper_ends_what_the_reconciler_should_have_ended_long_ago() -> None:
    pool = pool_of(pooled("i-old", prepared_at=ago(MAX_AGE + timedelta(days=1))), pooled("i-runs"))
    old, runs = alive("i-old", "stopped", MAX_AGE), alive("i-runs", "running", timedelta(hours=2))
    assert sweep(pool, old, runs) == ["i-old", "i-runs"]


def test_a_stack_without_a_pool_has_what_is_left_of_one_swept_away() -> None:
    assert sweep(None, alive("i-left", "stopped", timedelta(hours=1))) == ["i-left"]


class Faulty(DynamoWarmPoolTable):
    """Whatever is written of one machine fails, with an error of the store's that no condition is behind."""

    faulty = "i-faulty"

    def remove(self, machine: PooledMachine) -> bool:
        self._check(machine.instance_id)
        return super().remove(machine)

    def _change(self, instance_id: str, *given: Any) -> bool:
        self._check(instance_id)
        return super()._change(instance_id, *given)

    def _check(self, instance_id: str) -> None:
        if instance_id == self.faulty:
            raise RuntimeError("ProvisionedThroughputExceededException")


@pytest.mark.parametrize(
    ("made", "state", "done"),
    [
        (lambda one: preparing(one, READY_WITHIN), "running", "removed"),
        (preparing, "running", "stopped"),
        (lambda one: replace(preparing(one), stop_asked_at=ago(SETTLE)), "stopped", "made_ready"),
        (lambda one: replace(pooled(one), claim=Claim("t", ago(GRACE))), "stopped", "released"),
    ],
)
def test_a_machine_that_cannot_be_seen_to_keeps_no_other_from_it(
    made: Callable[[str], PooledMachine], state: str, done: str
) -> None:
    reconciler = Reconciliation(*((made(one), state) for one in ("i-a", "i-faulty", "i-z")), size=4)
    reconciler.reconciler = replace(reconciler.reconciler, table=Faulty(reconciler.table._client, TABLE))
    reconciler.pool_machines.agents = {"i-a", "i-faulty", "i-z"}
    report = reconciler.reconcile()
    assert getattr(report, done) == ["i-a", "i-z"]
    assert report.launched, "and the pool is filled up"


def test_whatever_keeps_machines_from_being_brought_on_the_pool_is_filled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    reconciler = Reconciliation((preparing("i-a"), "running"))
    monkeypatch.setattr(reconciler.pool_machines, "online", lambda _: 1 / 0)
    assert len(reconciler.reconcile().launched) == 1
