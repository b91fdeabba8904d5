from __future__ import annotations

import json

import pytest

from functions.jobs.ending import Recording, Terminating
from functions.jobs.errors import MachineStillAlive
from functions.jobs.job import JobStatus, TimelineEvent
from functions.jobs.running import Outcome
from tests.functions.fakes import JOB_ID, FakeJobFiles, FakeJobTable, FakeMachines, a_job

PATH = f"outputs/outputs/alice/{JOB_ID}/2/a b.txt"
RUNNING = {"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-1", "command_id": "c-1"}


def recording(stored: bytes | None = b"abc\nappended", **job: object) -> tuple[Recording, FakeJobTable]:
    table = FakeJobTable.of(a_job(**{**RUNNING, **job}))
    return Recording(table, FakeJobFiles(outputs={PATH: stored} if stored is not None else {})), table


def test_success_names_the_winning_attempts_output() -> None:
    step, table = recording()
    step.finished("alice", JOB_ID, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    job = table.only
    assert (job.status, job.output_file_path, job.output_size, job.error) == (JobStatus.SUCCEEDED, PATH, 12, None)
    assert [event.event for event in job.timeline] == ["script_started", "succeeded"]


def test_success_without_a_stored_output_is_a_failure() -> None:
    step, table = recording(stored=None)
    step.finished("alice", JOB_ID, 2, Outcome("finished"))
    assert table.only.status is JobStatus.FAILED
    assert table.only.error
    assert table.only.error.code == "output_not_stored"


def test_an_empty_output_is_an_output() -> None:
    step, table = recording(stored=b"")
    step.finished("alice", JOB_ID, 2, Outcome("finished"))
    assert (table.only.status, table.only.output_size) == (JobStatus.SUCCEEDED, 0)


def test_a_failed_script_keeps_its_words_and_gets_advice() -> None:
    step, table = recording()
    step.finished("alice", JOB_ID, 2, Outcome("finished", "script_failed", "exit code 3.\nboom"))
    error = table.only.error
    assert error
    assert (error.code, error.message) == ("script_failed", "exit code 3.\nboom")
    assert "log" in error.advice
    assert table.only.timeline[-1].detail == "exit code 3."


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_job_that_has_ended_stays_as_it_ended(status: JobStatus) -> None:
    step, table = recording(status=status)
    before = table.only
    step.finished("alice", JOB_ID, 2, Outcome("finished"))
    step.broken("alice", JOB_ID, "LaunchRefused", "no")
    assert table.only == before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("CapacityUnavailable", "capacity_unavailable"),
        ("AgentNotOnline", "boot_timeout"),
        ("MachineLost", "machine_lost"),
        ("LaunchRefused", "launch_refused"),
        ("UploadExpired", "output_not_stored"),
        ("States.Runtime", "internal_error"),
    ],
)
def test_a_workflow_error_becomes_the_jobs_failure_in_readable_words(error: str, code: str) -> None:
    step, table = recording()
    step.broken("alice", JOB_ID, error, json.dumps({"errorMessage": "AMI is gone", "errorType": error}))
    assert table.only.error
    assert table.only.error.code == code
    assert table.only.error.message == f"{error}: AMI is gone"


def terminating(states: dict[str, str], tagged: set[str], **facts: object) -> tuple[Terminating, FakeMachines]:
    machines = FakeMachines(states=states, tagged=tagged, **facts)  # type: ignore[arg-type]
    return Terminating(FakeJobTable.of(a_job(**RUNNING)), machines), machines


def test_every_machine_with_the_jobs_tag_is_ended_also_one_that_was_never_recorded() -> None:
    step, machines = terminating({"i-1": "running", "i-2": "running", "i-3": "terminated"}, {"i-1", "i-2", "i-3"})
    assert step.terminate("alice", JOB_ID, "i-1") == ["i-1", "i-2", "i-3"]
    assert sorted(machines.terminated) == ["i-1", "i-2"]
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert len([event for event in job.timeline if event.event == "machine_terminated"]) == 3


def test_termination_is_not_believed_until_it_is_seen() -> None:
    step, machines = terminating({"i-1": "running"}, {"i-1"}, ends_at_once=False)
    for _ in range(2):
        with pytest.raises(MachineStillAlive, match="i-1"):
            step.terminate("alice", JOB_ID, "i-1")
    machines.states["i-1"] = "terminated"
    assert step.terminate("alice", JOB_ID, "i-1") == ["i-1"]


def test_a_machine_too_new_to_be_listed_is_not_taken_for_gone() -> None:
    step, _ = terminating({}, set())
    with pytest.raises(MachineStillAlive):
        step.terminate("alice", JOB_ID, "i-new")


def test_a_job_without_machines_has_nothing_to_terminate() -> None:
    step, machines = terminating({}, set())
    assert step.terminate("alice", JOB_ID, None) == []
    assert machines.terminated == []


def test_a_machine_of_a_deleted_job_is_ended_all_the_same() -> None:
    step, machines = terminating({"i-1": "running"}, {"i-1"})
    step.jobs.delete("alice", JOB_ID)
    assert step.terminate("alice", JOB_ID, "i-1") == ["i-1"]
    assert machines.terminated == ["i-1"]
