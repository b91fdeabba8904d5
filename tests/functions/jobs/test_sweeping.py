from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from functions.jobs.clock import rfc3339
from functions.jobs.job import JobStatus
from functions.jobs.ports import AliveMachine
from functions.jobs.sweeping import Sweeping
from tests.functions.fakes import JOB_ID, FakeJobTable, FakeMachines, FakeWorkflow, a_job

GRACE, DEADLINE = timedelta(minutes=2), timedelta(hours=2)


def ago(age: timedelta) -> datetime:
    return datetime.now(UTC) - age


def sweeping(
    *,
    job_age: timedelta = timedelta(minutes=3),
    machine_age: timedelta | None = None,
    workflow: str | None = None,
    **job: object,
) -> tuple[Sweeping, FakeJobTable, FakeWorkflow, FakeMachines]:
    table = FakeJobTable.of(a_job(updated_at=rfc3339(ago(job_age)), **job))
    flow = FakeWorkflow(states={JOB_ID: workflow} if workflow else {})
    alive = [AliveMachine("i-1", "alice", JOB_ID, ago(machine_age))] if machine_age is not None else []
    machines = FakeMachines(states={"i-1": "running"}, alive=alive)
    return Sweeping(table, machines, flow, "dev", GRACE, DEADLINE), table, flow, machines


def test_a_job_whose_stream_record_never_arrived_is_started() -> None:
    sweeper, table, flow, _ = sweeping()
    assert sweeper.sweep().started == [JOB_ID]
    assert flow.started == [("alice", JOB_ID)]
    assert table.only.status is JobStatus.QUEUED


def test_a_job_in_the_making_is_left_alone() -> None:
    sweeper, _, flow, _ = sweeping(job_age=timedelta(minutes=1))
    assert sweeper.sweep().started == []
    assert flow.started == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.LAUNCHING, JobStatus.RUNNING])
def test_a_job_whose_workflow_runs_is_left_alone_however_old_it_is(status: JobStatus) -> None:
    sweeper, table, _, machines = sweeping(
        status=status, workflow="RUNNING", job_age=timedelta(hours=1), machine_age=timedelta(hours=1)
    )
    before = table.only
    report = sweeper.sweep()
    assert (report.started, report.ended, report.terminated) == ([], [], [])
    assert table.only == before
    assert machines.terminated == []


@pytest.mark.parametrize("state", ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"])
@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.LAUNCHING, JobStatus.RUNNING])
def test_a_job_whose_workflow_ended_without_an_outcome_fails_with_the_reason(status: JobStatus, state: str) -> None:
    sweeper, table, _, _ = sweeping(status=status, workflow=state)
    assert sweeper.sweep().ended == [JOB_ID]
    assert table.only.status is JobStatus.FAILED
    assert table.only.error
    assert state in table.only.error.message


@pytest.mark.parametrize("status", [JobStatus.LAUNCHING, JobStatus.RUNNING])
def test_a_job_that_got_further_than_queued_and_has_no_workflow_fails(status: JobStatus) -> None:
    sweeper, table, flow, _ = sweeping(status=status)
    assert sweeper.sweep().ended == [JOB_ID]
    assert flow.started == []
    assert table.only.status is JobStatus.FAILED


@pytest.mark.parametrize("workflow", [None, "SUCCEEDED", "FAILED"])
def test_a_machine_without_a_running_workflow_is_ended_and_the_job_says_so(workflow: str | None) -> None:
    sweeper, table, _, machines = sweeping(
        status=JobStatus.SUCCEEDED, workflow=workflow, machine_age=timedelta(minutes=3)
    )
    assert sweeper.sweep().terminated == ["i-1"]
    assert machines.terminated == ["i-1"]
    assert table.only.timeline[-1].event == "machine_swept"
    assert table.only.status is JobStatus.SUCCEEDED


def test_a_machine_of_a_job_that_was_deleted_is_ended() -> None:
    sweeper, table, _, machines = sweeping(status=JobStatus.FAILED, machine_age=timedelta(minutes=3))
    table.delete("alice", JOB_ID)
    assert sweeper.sweep().terminated == ["i-1"]
    assert machines.terminated == ["i-1"]


def test_a_machine_with_the_stacks_tag_and_no_job_at_all_is_ended() -> None:
    sweeper, _, _, machines = sweeping()
    machines.alive.append(AliveMachine("i-1", "", "", ago(timedelta(minutes=3))))
    assert sweeper.sweep().terminated == ["i-1"]


def test_a_machine_past_its_deadline_is_ended_even_if_its_workflow_still_runs() -> None:
    sweeper, _, _, machines = sweeping(status=JobStatus.RUNNING, workflow="RUNNING", machine_age=DEADLINE)
    assert sweeper.sweep().terminated == ["i-1"]
    assert machines.terminated == ["i-1"]


def test_a_machine_that_was_just_launched_is_left_alone() -> None:
    sweeper, _, _, machines = sweeping(machine_age=timedelta(seconds=30))
    assert sweeper.sweep().terminated == []
    assert machines.terminated == []


def test_a_workflow_that_ended_without_an_outcome_is_seen_to_at_once() -> None:
    sweeper, table, _, machines = sweeping(status=JobStatus.RUNNING, job_age=timedelta(0))
    machines.tagged.add("i-1")
    report = sweeper.workflow_ended("alice", JOB_ID, "ABORTED")
    assert (report.ended, report.terminated) == ([JOB_ID], ["i-1"])
    assert table.only.status is JobStatus.FAILED


def test_a_job_that_ended_before_its_workflow_did_keeps_its_outcome() -> None:
    sweeper, table, _, _ = sweeping(status=JobStatus.SUCCEEDED)
    assert sweeper.workflow_ended("alice", JOB_ID, "FAILED").ended == []
    assert table.only.status is JobStatus.SUCCEEDED


def test_the_machines_of_a_deleted_job_are_ended_with_its_workflow() -> None:
    sweeper, table, _, machines = sweeping()
    machines.tagged.add("i-1")
    table.delete("alice", JOB_ID)
    assert sweeper.workflow_ended("alice", JOB_ID, "FAILED").terminated == ["i-1"]
