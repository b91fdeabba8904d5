from __future__ import annotations

import pytest

from functions.execution.outcome import WRAPPER_FAILURES
from functions.execution.record_step import _CODES
from functions.jobs.errors import IllegalTransition
from functions.jobs.failure_catalog import FAILURES, job_error
from functions.jobs.ids import is_job_id, new_job_id
from functions.jobs.job import JobStatus, Run, TimelineEvent
from tests.functions.fakes.job_table import JOB_ID, a_job
from tests.functions.fakes.machines import a_machine

LEGAL = {
    ("queued", "launching"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("launching", "running"),
    ("launching", "failed"),
    ("launching", "cancelled"),
    ("running", "launching"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
}


@pytest.mark.parametrize("start", list(JobStatus))
@pytest.mark.parametrize("end", list(JobStatus))
def test_only_the_listed_transitions_are_legal(start: JobStatus, end: JobStatus) -> None:
    job = a_job(status=start)
    if (start.value, end.value) in LEGAL or start == end:
        assert job.moved(end).status == end
    else:
        with pytest.raises(IllegalTransition, match=rf"from {start} to {end}"):
            job.moved(end)


@pytest.mark.parametrize("status", list(JobStatus))
def test_a_terminal_status_has_no_way_on(status: JobStatus) -> None:
    assert status.is_terminal == (status.value not in {start for start, _ in LEGAL})


def test_the_same_event_is_noted_once() -> None:
    event = TimelineEvent("launched", "2026-01-31T09:15:03.000Z", "i-1")
    again = TimelineEvent("launched", "2026-01-31T09:15:09.000Z", "i-1")
    other = TimelineEvent("launched", "2026-01-31T09:15:09.000Z", "i-2")
    assert a_job().noted(event).noted(again, other).timeline == (event, other)


def test_an_event_of_a_run_before_happens_anew_in_the_next() -> None:
    event = TimelineEvent("launch_refused", "2026-01-31T09:15:03.000Z", "t4g.small: InsufficientInstanceCapacity.")
    job = a_job().noted(event).moved(JobStatus.CANCELLED).retried("2026-01-31T10:00:00.000Z")
    again = job.noted(event).noted(event)
    assert [one.event for one in again.timeline] == ["launch_refused", "retried", "launch_refused"]


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_job_that_is_tried_again_waits_in_a_new_run_with_nothing_left_but_its_history(status: JobStatus) -> None:
    machine = a_machine("i-1")
    before = a_job(
        status=status,
        attempts=3,
        instance_id="i-1",
        command_id="c-1",
        error=job_error("machine_lost"),
        machines=(machine,),
        timeline=(TimelineEvent("queued", "2026-01-31T09:15:02.345Z"),),
    )
    job = before.retried("2026-01-31T10:00:00.000Z")
    assert (job.status, job.run, job.attempts) == (JobStatus.QUEUED, 2, 3)
    assert (job.error, job.instance_id, job.command_id) == (None, None, None)
    assert (job.machines, [event.event for event in job.timeline]) == ((machine,), ["queued", "retried"])
    assert job.timeline[-1].at == "2026-01-31T10:00:00.000Z"
    assert (job.filename, job.input_text, job.created_at) == (before.filename, before.input_text, before.created_at)


def test_each_run_has_an_execution_name_of_its_own_the_first_that_of_the_job() -> None:
    job = a_job()
    assert job.this_run == Run("alice", JOB_ID, 1)
    assert job.this_run.name == JOB_ID
    assert a_job(run=12).this_run.name == f"{JOB_ID}-12"
    assert len(a_job(run=10**9).this_run.name) <= 80, "Step Functions takes names of at most 80 characters"


def test_a_machine_has_one_receipt_that_its_later_states_replace_in_its_place() -> None:
    first, second = a_machine("i-1"), a_machine("i-2", attempt=2)
    job = a_job().with_machine(first).with_machine(second)
    assert job.machines == (first, second)
    ended = first.ended("2026-01-31T09:20:00.000Z", "seen")
    assert job.with_machine(ended).machines == (ended, second)


def test_a_command_is_the_jobs_latest_and_stands_in_its_machines_receipt() -> None:
    job = a_job(machines=(a_machine("i-1", commands=("c-1",)), a_machine("i-2")))
    job = job.with_command("i-2", "c-2").with_command("i-2", "c-3")
    assert job.command_id == "c-3"
    assert [machine.commands for machine in job.machines] == [("c-1",), ("c-2", "c-3")]


def test_the_first_end_seen_of_a_machine_stays() -> None:
    ended = a_machine("i-1").ended("2026-01-31T09:20:00.000Z", "the workflow saw it")
    assert (ended.terminated_at, ended.verified) == ("2026-01-31T09:20:00.000Z", "the workflow saw it")
    assert ended.ended("2026-01-31T10:00:00.000Z", "the sweeper saw it") == ended


def test_job_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    ids = [new_job_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(is_job_id(one) for one in ids)
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)


@pytest.mark.parametrize("text", ["", "x", "01926B3C-7F3E-7C2A-9D51-3F0A5B8C1E27", "../../etc/passwd", "%", "\n"])
def test_anything_else_is_no_job_id(text: str) -> None:
    assert not is_job_id(text)


@pytest.mark.parametrize("code", sorted({*_CODES.values(), *WRAPPER_FAILURES.values(), "internal_error"}))
def test_every_failure_the_code_can_name_has_advice(code: str) -> None:
    error = job_error(code)
    assert error.message
    assert "Trying again" in error.advice


def test_every_row_of_the_advisor_is_used() -> None:
    assert set(FAILURES) == {*_CODES.values(), *WRAPPER_FAILURES.values(), "internal_error"}
