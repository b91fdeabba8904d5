from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.cleanup.release_step import ReleaseStep
from functions.cleanup.run_machines import RunMachines
from functions.cleanup.sweeper import Sweeper, SweepIncomplete
from functions.execution.outcome import Outcome
from functions.execution.record_step import RecordStep
from functions.jobs.errors import ConcurrentChange, Throttled
from functions.jobs.failure_catalog import FAILURES
from functions.jobs.job import Job, JobStatus, Run, TimelineEvent
from functions.monitoring.metrics import METRICS
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import InstanceView, Slot
from simulation.metrics import SimulatedMetrics
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.sweeper import a_sweeper
from tests.functions.fakes.tables import new_machine_table
from tests.functions.fakes.workflow import FakeWorkflow

OUTPUT = {f"outputs/outputs/alice/{JOB_ID}/1/a b.txt": b"abc"}


class Measured:
    """A job that runs on i-1, in a table whose writes are measured."""

    def __init__(self, **job: object) -> None:
        facts = {"status": JobStatus.RUNNING, "attempts": 1, "instance_id": "i-1", "machines": (a_machine(),)}
        self.table = MemoryJobTable(a_job(**{**facts, **job}))
        self.metrics = SimulatedMetrics()
        self.jobs = self.table.beside(partial(MeasuredJobTable, metrics=self.metrics))
        self.record_step = RecordStep(self.jobs, MemoryJobFiles(OUTPUT), "1.2.3")
        scheduling = self.table.beside(DynamoSchedulingTable)
        self.queue = LaunchQueue(scheduling, FakeWorkflow(states={JOB_ID: "FAILED"}))
        self.reader = self.table.beside(DynamoRunReader)

    def cancel(self) -> Job:
        return self.jobs.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))

    def sweeper(self, machines: FakeMachines) -> Sweeper:
        return a_sweeper(self.jobs, self.queue, machines, grace=timedelta(0), metrics=self.metrics)


def at(second: int) -> str:
    return f"2026-01-31T09:15:{second:02}.000Z"


def happened(*events: tuple[str, int]) -> tuple[TimelineEvent, ...]:
    return tuple(TimelineEvent(event, at(second)) for event, second in events)


def ended(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if not name.endswith("Seconds")}


def test_a_step_that_is_repeated_after_it_has_written_counts_once() -> None:
    measured = Measured()
    for _ in range(3):
        measured.record_step.finished(RUN, 1, Outcome("finished"))
    assert ended(measured.metrics.values) == {"Jobs succeeded": 1}


def test_the_call_that_writes_the_end_counts_it_and_later_ones_do_not() -> None:
    measured = Measured()
    measured.cancel()
    measured.record_step.finished(RUN, 1, Outcome("finished"))
    measured.record_step.broken(RUN, "MachineLost", "gone")
    measured.cancel()
    measured.sweeper(FakeMachines()).run_ended(RUN, "FAILED")
    assert ended(measured.metrics.values) == {"Jobs cancelled": 1}


def test_a_job_that_the_sweeper_ends_is_counted_with_its_machine() -> None:
    measured = Measured()
    measured.queue.table.grant_slots([Slot(RUN, a_machine())])
    machines = FakeMachines(states={"i-1": "running"}, ends_at_once=True)
    for _ in range(2):
        measured.sweeper(machines).run_ended(RUN, "FAILED")
    found = measured.metrics.values
    assert (found["Jobs failed"], found["Failures internal_error"], found["Faults"]) == (1, 1, 1)
    assert measured.metrics.counts["MachineSeconds", None] == 1


def test_what_is_not_written_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured()
    monkeypatch.setattr(measured.jobs, "_write_changes", lambda *_: False)
    with pytest.raises(ConcurrentChange):
        measured.cancel()
    assert measured.metrics.counts == {}


def test_only_the_read_that_the_write_was_made_of_counts() -> None:
    measured = Measured()
    before = measured.table.only
    measured.table.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))  # another call is faster
    measured.jobs.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED), before)
    assert measured.metrics.counts == {}


@pytest.mark.parametrize("code", sorted(FAILURES))
def test_a_failure_is_a_fault_unless_the_user_or_the_scripts_author_must_act(code: str) -> None:
    measured = Measured()
    measured.record_step.finished(RUN, 1, Outcome("finished", code))
    found = ended(measured.metrics.values)
    script = {"script_failed", "script_timed_out", "script_not_started", "no_output", "output_too_large"}
    theirs = code in {*script, "input_unavailable"}
    assert found == {"Jobs failed": 1, f"Failures {code}": 1, **({} if theirs else {"Faults": 1})}


def test_time_is_told_by_state_over_all_machines_of_the_run(stopped_clock: StoppedClock) -> None:
    stopped_clock.go_on(50)
    before = [("queued", 0), ("launched", 2), ("running", 5), ("machine_lost", 15), ("launched", 25), ("running", 30)]
    measured = Measured(timeline=happened(*before, ("script_started", 31), ("machine_terminated", 33)))
    measured.record_step.finished(RUN, 1, Outcome("finished"))
    assert measured.metrics.values == {
        "Jobs succeeded": 1,
        "QueuedSeconds": 2 + 10,
        "LaunchingSeconds": 3 + 5,
        "RunningSeconds": 10 + 20,
        "WholeSeconds": 50,
    }


def test_a_retried_job_is_counted_again_with_the_time_of_its_new_run_alone(stopped_clock: StoppedClock) -> None:
    stopped_clock.go_on(50)
    history = happened(("queued", 0), ("launched", 2), ("failed", 5), ("retried", 40))
    measured = Measured(run=2, status=JobStatus.QUEUED, timeline=history)
    measured.record_step.broken(Run("alice", JOB_ID, 2), "QueueTimeout", "no machine")
    assert measured.metrics.values == {
        "Jobs failed": 1,
        "Failures queue_timeout": 1,
        "Faults": 1,
        "QueuedSeconds": 10,
        "WholeSeconds": 10,
    }


def test_clocks_that_differ_make_no_negative_time(stopped_clock: StoppedClock) -> None:
    measured = Measured(timeline=happened(("queued", 5), ("launched", 3)))
    stopped_clock.go_on(4)
    measured.record_step.finished(RUN, 1, Outcome("finished"))
    found = measured.metrics.values
    assert (found["QueuedSeconds"], found["LaunchingSeconds"], found["WholeSeconds"]) == (0, 1, 0)


@pytest.mark.parametrize(("hourly", "cost"), [(36_000, True), (None, False)])
def test_a_machine_is_measured_once_when_its_end_is_first_written(
    stopped_clock: StoppedClock, hourly: int | None, *, cost: bool
) -> None:
    stopped_clock.go_on(103)
    record = a_machine(hourly_micro_usd=hourly)
    measured = Measured(status=JobStatus.SUCCEEDED, machines=(record,))
    machines = FakeMachines(states={"i-1": "terminated"})
    ends = RunMachines(measured.jobs, measured.queue, machines, measured.reader)
    release = ReleaseStep(ends, new_machine_table())
    for _ in range(2):
        release.release(RUN, "i-1")
    found = measured.metrics.values
    assert found["MachineSeconds"] == 100
    assert ("CostUsd" in found) is cost
    # A hundred seconds of the 0.036 USD an hour, and what the job needs beside its machine.
    assert not cost or 0.001 <= found["CostUsd"] < 0.002


def test_no_two_metrics_have_one_name() -> None:
    assert len({each.name for each in METRICS}) == len(METRICS)


def test_a_whole_sweep_says_what_is_open_alive_and_too_old_and_counts_each_orphan_once(
    stopped_clock: StoppedClock,
) -> None:
    measured = Measured()
    measured.queue.workflow.states[JOB_ID] = "RUNNING"  # type: ignore[attr-defined]  # the fake's
    ages = {"i-1": timedelta(minutes=3), "i-2": timedelta(hours=3)}
    machines = FakeMachines(states=dict.fromkeys(ages, "running"))
    machines.alive = [InstanceView(name, stopped_clock.moment - age) for name, age in ages.items()]
    measured.queue.table.grant_slots([Slot(RUN, a_machine())])
    measured.sweeper(machines).sweep()
    assert measured.metrics.values == {
        "JobsOpen": 1,
        "MachinesAlive": 2,
        "MachinesOverdue": 1,
        "OrphansEnded": 1,
        "SweepFailures": 0,
    }


def test_a_sweep_that_finds_nothing_shows_that_it_came_to_its_end() -> None:
    measured = Measured(status=JobStatus.SUCCEEDED)
    measured.sweeper(FakeMachines()).sweep()
    assert measured.metrics.values == {"JobsOpen": 0, "MachinesAlive": 0, "MachinesOverdue": 0, "SweepFailures": 0}


def test_a_sweep_that_breaks_off_does_not_look_like_one_that_came_to_its_end() -> None:
    class Broken(FakeMachines):
        def alive_of_stack(self, stack: str) -> list[InstanceView]:
            raise Throttled(stack)

    measured = Measured()
    with pytest.raises(SweepIncomplete):
        measured.sweeper(Broken()).sweep()
    assert "MachinesAlive" not in measured.metrics.values
