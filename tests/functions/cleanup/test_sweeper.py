from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from itertools import product
from typing import Never

import pytest

from functions.cleanup.sweeper import UNASSIGNED, VERIFIED_BY_SWEEPER, SweepIncomplete, SweepReport
from functions.costs.ports import Charge, DayLedger
from functions.costs.pricing import Prices, for_seconds
from functions.jobs import clock
from functions.jobs.clock import rfc3339
from functions.jobs.job import Job, JobStatus, Run
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import InstanceView, Slot
from simulation.metrics import SimulatedMetrics
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.sweeper import DEADLINE, GRACE, a_sweeper
from tests.functions.fakes.tables import new_scheduling_table
from tests.functions.fakes.warm_pool import pool_of, pooled
from tests.functions.fakes.workflow import FakeWorkflow

pytestmark = pytest.mark.usefixtures("stopped_clock")

OLD, YOUNG = timedelta(minutes=3), timedelta(minutes=1)
PRICES = Prices({"t4g.small": {"on-demand": 20_000, "spot": 6_000}})
NOTHING = SweepReport()
TODAY = "2026-01-31"
OPEN = [JobStatus.QUEUED, JobStatus.LAUNCHING, JobStatus.RUNNING]
BOB, CAROL = Run("bob", OTHER_ID), Run("carol", OTHER_ID)


class Sweep:
    """The sweeper over one job of alice's, and bob's, who waits in the queue while his workflow runs."""

    def __init__(self, *, workflow: str | None = None, age: timedelta = OLD, **job: object) -> None:
        self.jobs = MemoryJobTable(a_job(updated_at=self.ago(age), **job))
        self.table, self.flow, self.machines = new_scheduling_table(), FakeWorkflow(), FakeMachines()
        self.flow.states[BOB.name] = "RUNNING"
        self.table.enqueue(BOB, 1, "bobs-token")
        if workflow:
            self.flow.states[self.job.this_run.name] = workflow
        self.slept: list[float] = []
        queue, sleep = LaunchQueue(self.table, self.flow), self.slept.append
        self.sweeper = a_sweeper(self.jobs, queue, self.machines, confirm_waits=(1, 2, 4), sleep=sleep, prices=PRICES)

    def __call__(self) -> SweepReport:
        return self.sweeper.sweep()

    @property
    def job(self) -> Job:
        return self.jobs.only

    @property
    def events(self) -> list[str]:
        return [event.event for event in self.job.timeline]

    def ago(self, age: timedelta) -> str:
        return rfc3339(clock.utc_now() - age)

    def machine(self, age: timedelta, *, instance_id: str = "i-1", slot_of: Run | None = None) -> None:
        """A machine that EC2 shows as running."""
        self.machines.states[instance_id] = "running"
        launched_at = clock.utc_now() - age
        self.machines.alive.append(InstanceView(instance_id, launched_at, "running", "t4g.small", "spot"))
        if slot_of:
            record = a_machine(instance_id, run=slot_of.number, launched_at=self.ago(age))
            self.table.grant_slots([Slot(slot_of, record)])


@pytest.mark.parametrize(("run", "attempts"), [(1, 0), (2, 3)])
def test_a_job_whose_stream_record_never_arrived_is_started(run: int, attempts: int) -> None:
    sweep = Sweep(run=run, attempts=attempts)
    assert sweep().started == [JOB_ID]
    assert sweep.flow.started == [(Run("alice", JOB_ID, run), attempts + 1)]
    assert sweep.job.status is JobStatus.QUEUED


def test_a_job_in_the_making_is_left_alone() -> None:
    sweep = Sweep(age=YOUNG)
    assert sweep() == NOTHING
    assert sweep.flow.started == []


@pytest.mark.parametrize("status", OPEN)
def test_a_job_whose_workflow_runs_is_left_alone_however_old_it_is(status: JobStatus) -> None:
    sweep = Sweep(workflow="RUNNING", age=timedelta(hours=1), status=status)
    sweep.machine(timedelta(hours=1), slot_of=RUN)
    before = sweep.job
    assert sweep() == NOTHING
    assert (sweep.job, sweep.machines.terminated) == (before, [])
    assert len(sweep.table.slots()) == 1


@pytest.mark.parametrize(
    ("status", "state"),
    [*product(OPEN, ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"]), *((status, None) for status in OPEN[1:])],
)
def test_a_job_whose_workflow_ended_without_an_outcome_or_is_gone_fails_with_the_reason(
    status: JobStatus, state: str | None
) -> None:
    sweep = Sweep(status=status, workflow=state)
    assert sweep().ended == [JOB_ID]
    assert sweep.job.status is JobStatus.FAILED
    assert sweep.job.error
    assert (state or "unknown") in sweep.job.error.message
    assert sweep.flow.started == []


@pytest.mark.parametrize("workflow", [None, "SUCCEEDED", "FAILED"])
def test_a_machine_without_a_running_workflow_is_ended_and_the_job_says_so(workflow: str | None) -> None:
    sweep = Sweep(status=JobStatus.SUCCEEDED, workflow=workflow)
    sweep.machine(OLD, slot_of=RUN)
    sweep.machines.ends_at_once = False
    assert sweep().terminated == ["i-1"]
    assert sweep.machines.terminated == ["i-1"]
    assert sweep.events == ["machine_swept"]
    assert len(sweep.table.slots()) == 1, "not before it is confirmed"


def test_a_slot_is_freed_by_the_sweep_that_sees_its_machine_terminated(stopped_clock: StoppedClock) -> None:
    known = a_machine("i-1", launched_at="2026-01-31T09:00:00.000Z")
    sweep = Sweep(status=JobStatus.FAILED, workflow="FAILED", machines=(known,))
    sweep.machine(OLD, slot_of=RUN)
    sweep.machines.ends_at_once = False
    sweep()
    sweep.machines.states["i-1"] = "terminated"
    assert sweep().terminated == []
    assert sweep.table.slots() == []
    (receipt,) = sweep.job.machines
    assert (receipt.launched_at, receipt.terminated_at, receipt.verified) == (
        known.launched_at,
        rfc3339(stopped_clock.moment),
        VERIFIED_BY_SWEEPER,
    )
    assert sweep.events == ["machine_swept", "machine_terminated"]
    assert sweep.flow.failed == [("bobs-token", "CapacityAvailable")]


def test_a_slot_that_was_just_granted_is_left_alone() -> None:
    sweep = Sweep(status=JobStatus.FAILED, workflow="FAILED")
    sweep.machine(YOUNG, slot_of=RUN)
    assert sweep() == NOTHING
    assert sweep.machines.terminated == []


def test_a_machine_of_a_job_that_was_deleted_is_ended_which_is_no_failure() -> None:
    sweep = Sweep(status=JobStatus.FAILED)
    sweep.machine(OLD, slot_of=RUN)
    sweep.jobs.remove("alice", JOB_ID)
    report = sweep()
    assert (report.terminated, report.failed, sweep.table.slots()) == (["i-1"], [], [])


def test_a_machine_that_no_run_was_given_is_ended_and_charged_to_the_stack_once(stopped_clock: StoppedClock) -> None:
    sweep = Sweep(workflow="RUNNING")
    sweep.machine(OLD)
    assert sweep().terminated == ["i-1"]
    assert sweep.machines.terminated == ["i-1"]
    sweep.machines.alive.append(sweep.machines.alive[0])  # its end was lost, and the next sweep sees it again
    stopped_clock.go_on(OLD.total_seconds())
    sweep()
    cost = for_seconds(PRICES.hourly("t4g.small", "spot") or 0, OLD.total_seconds())
    assert sweep.table.ledger(TODAY) == DayLedger(TODAY, {UNASSIGNED: cost}, frozenset({"i-1"}))


def test_a_stopped_machine_of_a_pool_that_was_given_up_is_not_charged_for_its_rest() -> None:
    sweep = Sweep(workflow="RUNNING")
    sweep.machine(OLD)
    sweep.machines.alive[0] = replace(sweep.machines.alive[0], state="stopped")
    assert sweep().terminated == ["i-1"]
    assert sweep.table.ledger(TODAY) == DayLedger(TODAY)


def test_a_machine_that_is_charged_already_is_not_charged_to_the_stack() -> None:
    sweep = Sweep(workflow="RUNNING")
    sweep.machine(OLD)
    sweep.table.charge(Charge(TODAY, "alice", "i-1", 700))
    sweep()
    assert sweep.table.ledger(TODAY) == DayLedger(TODAY, {"alice": 700}, frozenset({"i-1"}))


def test_a_machine_in_the_place_of_which_its_run_holds_another_is_ended() -> None:
    sweep = Sweep(status=JobStatus.RUNNING, workflow="RUNNING")
    sweep.machine(OLD, instance_id="i-1")
    sweep.machine(OLD, instance_id="i-2", slot_of=RUN)
    assert sweep().terminated == ["i-1"]
    assert [slot.machine.instance_id for slot in sweep.table.slots()] == ["i-2"]


def test_a_machine_past_its_deadline_is_ended_even_if_its_workflow_still_runs() -> None:
    sweep = Sweep(status=JobStatus.RUNNING, workflow="RUNNING")
    sweep.machine(DEADLINE, slot_of=RUN)
    assert sweep().terminated == ["i-1"]
    assert sweep.events == ["machine_swept"]
    assert len(sweep.table.slots()) == 1, "its workflow frees it when it has seen the end"


def test_a_machine_that_was_just_launched_is_left_alone() -> None:
    sweep = Sweep(workflow="RUNNING")
    sweep.machine(timedelta(seconds=30))
    assert sweep() == NOTHING
    assert sweep.machines.terminated == []


def test_a_machine_granted_during_the_sweep_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(status=JobStatus.RUNNING, workflow="RUNNING")
    alive_of_stack = sweep.machines.alive_of_stack

    def granting(stack: str) -> list[InstanceView]:
        found = alive_of_stack(stack)
        sweep.table.grant_slots([Slot(RUN, a_machine("i-1"))])
        return found

    monkeypatch.setattr(sweep.machines, "alive_of_stack", granting)
    sweep.machine(OLD)
    assert sweep() == NOTHING
    assert sweep.machines.terminated == []


@dataclass
class Position:
    stored: dict[str, str]

    def load(self) -> dict[str, str]:
        return self.stored

    def save(self, position: Mapping[str, str]) -> None:
        self.stored = dict(position)


def throttled(*_: object) -> Never:
    raise RuntimeError("RequestLimitExceeded")


@pytest.mark.parametrize(
    "unread",
    ["machines.alive_of_stack", "queue.table.slots", "pool.machines", "jobs.open_keys", "purger.jobs.unpurged"],
)
def test_what_cannot_be_listed_keeps_nothing_else_from_a_sweep_ends_no_machine_and_is_repeated(
    monkeypatch: pytest.MonkeyPatch, unread: str
) -> None:
    sweep = Sweep(workflow="FAILED", status=JobStatus.RUNNING)
    sweep.flow.states[CAROL.name] = "RUNNING"
    sweep.machine(OLD, instance_id="i-live", slot_of=CAROL)
    sweep.machine(OLD, instance_id="i-orphan")
    metrics, position = SimulatedMetrics(), Position({"machines": "i-1"})
    pool = pool_of(pooled("i-pooled", prepared_at=sweep.ago(OLD)))
    sweep.machine(OLD, instance_id="i-pooled")
    sweep.sweeper = replace(sweep.sweeper, metrics=metrics, position=position, pool=pool)
    *names, name = unread.split(".")
    owner = reduce(getattr, names, sweep.sweeper)
    monkeypatch.setattr(type(owner), name, throttled)
    with pytest.raises(SweepIncomplete) as raised:
        sweep()
    of_machines = unread.startswith(("machines", "queue", "pool"))
    assert sweep.machines.terminated == ([] if of_machines else ["i-orphan"])
    assert position.stored == ({"machines": "i-1"} if of_machines else {})
    assert raised.value.report.ended == ([] if unread == "jobs.open_keys" else [JOB_ID])
    assert ("bobs-token", "CapacityAvailable") in sweep.flow.failed or unread == "queue.table.slots"
    measured = {"SweepFailures", "JobsOpen", "MachinesAlive", "MachinesOverdue", "OrphansEnded"}
    missing = {"MachinesAlive", "MachinesOverdue", "OrphansEnded"} if of_machines else set()
    assert metrics.values.keys() == measured - missing - ({"JobsOpen"} if unread == "jobs.open_keys" else set())


@pytest.mark.parametrize(
    ("age", "attempt", "told"),
    [(OLD, 1, True), (YOUNG, 1, False), (OLD, 2, False)],
    ids=["for long", "just now", "for the attempt before"],
)
def test_a_run_that_waits_though_it_has_a_machine_for_long_is_notified(
    age: timedelta, attempt: int, told: bool
) -> None:
    sweep = Sweep(workflow="RUNNING")
    sweep.table.remove(BOB)
    sweep.machine(age, slot_of=RUN)
    sweep.table.enqueue(RUN, attempt, "token")
    sweep()
    assert ("there is a machine" in [answer.cause for answer in sweep.flow.answers]) == told


@pytest.mark.parametrize("state", ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED", None])
def test_an_entry_without_a_workflow_is_removed(stopped_clock: StoppedClock, state: str | None) -> None:
    sweep = Sweep(status=JobStatus.FAILED, workflow=state)
    sweep.table.enqueue(RUN, 1, "token")
    stopped_clock.go_on(GRACE.total_seconds())
    sweep()
    assert [entry.run for entry in sweep.table.oldest(9)] == [BOB]


def test_a_run_that_has_just_been_enqueued_stays() -> None:
    sweep = Sweep(status=JobStatus.FAILED, workflow="FAILED")
    sweep.table.enqueue(RUN, 1, "token")
    sweep()
    assert sweep.table.entry(RUN)


def test_each_run_is_asked_about_once_a_sweep(stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep(status=JobStatus.FAILED)
    sweep.machine(OLD, instance_id="i-1", slot_of=BOB)
    stopped_clock.go_on(GRACE.total_seconds())
    asked: list[Run] = []
    state = sweep.flow.state

    def counted(run: Run) -> str | None:
        asked.append(run)
        return state(run)

    monkeypatch.setattr(sweep.flow, "state", counted)
    sweep()
    assert asked == [BOB], "the slot, the machine and the queue entry are all bob's"


@pytest.mark.parametrize("state", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_run_that_ended_without_an_outcome_is_seen_to_at_once(state: str) -> None:
    sweep = Sweep(status=JobStatus.RUNNING, workflow=state, age=timedelta(0))
    sweep.machine(timedelta(0), slot_of=RUN)
    sweep.machines.ends_at_once = False
    report = sweep.sweeper.run_ended(RUN, state)
    assert (report.ended, report.terminated) == ([JOB_ID], ["i-1"])
    assert sweep.job.status is JobStatus.FAILED
    assert len(sweep.table.slots()) == 1


def test_the_end_of_a_machine_is_waited_for_a_while_when_its_run_ended() -> None:
    sweep = Sweep(status=JobStatus.RUNNING, workflow="ABORTED")
    sweep.machine(timedelta(0), slot_of=RUN)
    sweep.machines.ends_at_once = False

    def sleep(seconds: float) -> None:
        sweep.slept.append(seconds)
        if len(sweep.slept) == 2:
            sweep.machines.states["i-1"] = "terminated"

    object.__setattr__(sweep.sweeper, "sleep", sleep)
    assert sweep.sweeper.run_ended(RUN, "ABORTED").terminated == ["i-1"]
    assert sweep.slept == [1, 2]
    assert sweep.table.slots() == []
    assert sweep.flow.failed == [("bobs-token", "CapacityAvailable")]


def test_a_machine_that_takes_longer_to_end_is_left_to_a_sweep(stopped_clock: StoppedClock) -> None:
    sweep = Sweep(status=JobStatus.RUNNING, workflow="ABORTED")
    sweep.machine(timedelta(0), slot_of=RUN)
    sweep.machines.ends_at_once = False
    sweep.sweeper.run_ended(RUN, "ABORTED")
    assert sweep.slept == [1, 2, 4]
    assert len(sweep.table.slots()) == 1
    assert sweep.events.count("machine_swept") == 1
    sweep.machines.states["i-1"] = "terminated"
    stopped_clock.go_on(GRACE.total_seconds())
    sweep()
    assert sweep.table.slots() == []


def test_a_run_that_ended_in_the_queue_leaves_it_and_makes_way() -> None:
    sweep = Sweep(workflow="ABORTED")
    sweep.table.enqueue(RUN, 1, "token")
    sweep.flow.dead.add("token")
    assert sweep.sweeper.run_ended(RUN, "ABORTED").ended == [JOB_ID]
    assert [entry.run for entry in sweep.table.oldest(9)] == [BOB]
    assert sweep.flow.failed == [("bobs-token", "CapacityAvailable")]


def test_a_job_that_ended_before_its_workflow_did_keeps_its_outcome() -> None:
    sweep = Sweep(status=JobStatus.SUCCEEDED)
    assert sweep.sweeper.run_ended(RUN, "FAILED").ended == []
    assert sweep.job.status is JobStatus.SUCCEEDED


def test_a_late_word_of_an_earlier_runs_end_does_not_touch_the_one_that_followed() -> None:
    sweep = Sweep(run=2, workflow="RUNNING")
    second = Run("alice", JOB_ID, 2)
    sweep.table.enqueue(second, 4, "token")
    sweep.machine(OLD, slot_of=second)
    before = sweep.job
    assert sweep.sweeper.run_ended(RUN, "FAILED") == NOTHING
    assert sweep.job == before
    assert sweep.table.entry(second)
    assert len(sweep.table.slots()) == 1
