from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from functions.jobs import clock
from functions.jobs.clock import rfc3339
from functions.jobs.ending import VERIFIED_BY_WORKFLOW, Recording, Terminating, is_gone
from functions.jobs.errors import MachineStillAlive
from functions.jobs.job import Job, JobStatus, Run, TimelineEvent
from functions.jobs.line import Line
from functions.jobs.ports import Slot
from functions.jobs.running import Outcome
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_files import FakeJobFiles
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, FakeJobTable, a_job
from tests.functions.fakes.line_table import FakeLineTable
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.workflow import FakeWorkflow

PATH = f"outputs/outputs/alice/{JOB_ID}/2/a b.txt"
RUNNING = {"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-1", "command_id": "c-1"}


def recording(stored: bytes | None = b"abc\nappended", **job: object) -> tuple[Recording, FakeJobTable]:
    table = FakeJobTable.of(a_job(**{**RUNNING, **job}))
    return Recording(table, FakeJobFiles(outputs={PATH: stored} if stored is not None else {})), table


def test_success_names_the_winning_attempts_output() -> None:
    step, table = recording()
    step.finished(RUN, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    job = table.only
    assert (job.status, job.output_file_path, job.output_size, job.error) == (JobStatus.SUCCEEDED, PATH, 12, None)
    assert [event.event for event in job.timeline] == ["script_started", "succeeded"]


def test_success_without_a_stored_output_is_a_failure() -> None:
    step, table = recording(stored=None)
    step.finished(RUN, 2, Outcome("finished"))
    assert table.only.status is JobStatus.FAILED
    assert table.only.error
    assert table.only.error.code == "output_not_stored"


def test_an_empty_output_is_an_output() -> None:
    step, table = recording(stored=b"")
    step.finished(RUN, 2, Outcome("finished"))
    assert (table.only.status, table.only.output_size) == (JobStatus.SUCCEEDED, 0)


def test_a_failed_script_keeps_its_words_and_gets_advice() -> None:
    step, table = recording()
    step.finished(RUN, 2, Outcome("finished", "script_failed", "exit code 3.\nboom"))
    error = table.only.error
    assert error
    assert (error.code, error.message) == ("script_failed", "exit code 3.\nboom")
    assert "log" in error.advice
    assert table.only.timeline[-1].detail == "exit code 3."


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_job_that_has_ended_stays_as_it_ended(status: JobStatus) -> None:
    step, table = recording(status=status)
    before = table.only
    step.finished(RUN, 2, Outcome("finished"))
    step.broken(RUN, "LaunchRefused", "no")
    assert table.only == before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("QueueTimeout", "queue_timeout"),
        ("Throttled", "throttled"),
        ("AgentNotOnline", "boot_timeout"),
        ("MachineLost", "machine_lost"),
        ("LaunchRefused", "launch_refused"),
        ("UploadExpired", "output_not_stored"),
        ("States.Runtime", "internal_error"),
    ],
)
def test_a_workflow_error_becomes_the_jobs_failure_in_readable_words(error: str, code: str) -> None:
    step, table = recording()
    step.broken(RUN, error, json.dumps({"errorMessage": "AMI is gone", "errorType": error}))
    assert table.only.error
    assert table.only.error.code == code
    assert table.only.error.message == f"{error}: AMI is gone"


def test_a_run_that_another_one_followed_writes_no_outcome() -> None:
    step, table = recording(run=2)
    before = table.only
    step.finished(RUN, 2, Outcome("finished"))
    step.broken(RUN, "MachineLost", "gone")
    assert table.only == before


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ('{"errorMessage": "no room", "errorType": "X"}', "X: no room"),
        ('{"errorType": "X"}', 'X: {"errorType": "X"}'),
        ("plain words", "X: plain words"),
        ("[1]", "X: [1]"),
        ("", "X"),
    ],
)
def test_the_cause_of_an_error_is_given_in_its_own_words(cause: str, words: str) -> None:
    step, table = recording()
    step.broken(RUN, "X", cause)
    assert table.only.error
    assert table.only.error.message == words


class Terminate:
    """The Terminate step for a run, whose job may know of machines, and another run that waits in line."""

    def __init__(self, *machines: str, states: dict[str, str] | None = None, **facts: object) -> None:
        records = tuple(a_machine(one) for one in machines)
        self.jobs = FakeJobTable.of(a_job(**{**RUNNING, "machines": records, **facts}))
        self.table, self.flow = FakeLineTable(), FakeWorkflow()
        self.machines = FakeMachines(states=states or {})
        self.table.enter(Run("bob", OTHER_ID), 1, "bobs-token")
        self.step = Terminating(self.jobs, Line(self.table, self.flow), self.machines)

    def __call__(self, instance_id: str | None = "i-1", run: Run = RUN) -> list[str]:
        return self.step.terminate(run, instance_id)

    @property
    def job(self) -> Job:
        return self.jobs.only

    @property
    def ended(self) -> list[str]:
        return [one.instance_id for one in self.job.machines if one.terminated_at]


def test_a_machine_seen_terminated_gets_the_end_of_its_receipt(stopped_clock: StoppedClock) -> None:
    terminate = Terminate("i-1", states={"i-1": "running"})
    assert terminate() == ["i-1"]
    (machine,) = terminate.job.machines
    assert (machine.terminated_at, machine.verified) == (rfc3339(stopped_clock.moment), VERIFIED_BY_WORKFLOW)
    assert [event.event for event in terminate.job.timeline] == ["machine_terminated"]
    assert terminate.machines.terminated == ["i-1"]


def test_the_slot_is_free_for_the_next_in_line_once_its_machine_is_seen_terminated() -> None:
    terminate = Terminate("i-1", states={"i-1": "running"})
    terminate.table.grant(Slot(RUN, a_machine("i-1")))
    terminate.machines.ends_at_once = False
    with pytest.raises(MachineStillAlive, match="i-1"):
        terminate()
    assert len(terminate.table.slots()) == 1
    assert terminate.flow.answers == []
    terminate.machines.states["i-1"] = "terminated"
    terminate()
    assert terminate.table.slots() == []
    assert terminate.flow.failed == [("bobs-token", "YourTurn")]


def test_termination_is_not_believed_until_it_is_seen_nor_asked_for_twice() -> None:
    terminate = Terminate("i-1", states={"i-1": "running"})
    terminate.machines.ends_at_once = False
    for _ in range(3):
        with pytest.raises(MachineStillAlive, match="i-1"):
            terminate()
    assert terminate.machines.terminated == ["i-1"]
    assert terminate.ended == []


def test_a_machine_whose_launch_did_not_get_into_the_record_is_known_from_its_slot() -> None:
    terminate = Terminate(states={"i-9": "pending"}, status=JobStatus.CANCELLED)
    terminate.table.grant(Slot(RUN, a_machine("i-9")))
    assert terminate(None) == ["i-9"]
    assert terminate.machines.terminated == ["i-9"]
    assert terminate.ended == ["i-9"], "it has its receipt all the same"
    assert terminate.table.slots() == []


def test_a_slot_that_went_to_another_machine_is_freed_with_that_one() -> None:
    terminate = Terminate("i-1", states={"i-1": "terminated", "i-2": "running"})
    terminate.table.grant(Slot(RUN, a_machine("i-2")))
    assert terminate("i-1") == ["i-1", "i-2"]
    assert terminate.table.slots() == []
    assert terminate.machines.terminated == ["i-2"]


def test_only_the_machines_of_the_run_are_looked_at() -> None:
    old = a_machine("i-0", run=1).ended("2026-01-31T09:20:00.000Z", "seen")
    terminate = Terminate(
        states={"i-1": "running"}, machines=(old, a_machine("i-1", run=2), a_machine("i-x", run=3)), run=2
    )
    assert terminate("i-1", Run("alice", JOB_ID, 2)) == ["i-1"]
    assert terminate.machines.terminated == ["i-1"]
    assert terminate.job.machines[0] == old


def test_a_machine_that_has_the_end_of_its_receipt_is_not_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = a_machine("i-1").ended("2026-01-31T09:20:00.000Z", "the sweeper saw it")
    terminate = Terminate(machines=(ended,))
    asked: list[str] = []
    monkeypatch.setattr(terminate.machines, "instance_state", asked.append)
    assert terminate("i-1") == ["i-1"]
    assert (asked, terminate.job.machines) == ([], (ended,))


def test_a_run_that_is_terminated_has_left_the_line() -> None:
    terminate = Terminate()
    terminate.table.enter(RUN, 1, "token")
    terminate(None)
    assert [ticket.run.owner for ticket in terminate.table.oldest(9)] == ["bob"]


def test_a_job_without_machines_has_nothing_to_terminate_but_makes_way_for_the_next() -> None:
    terminate = Terminate()
    assert terminate(None) == []
    assert terminate.machines.terminated == []
    assert terminate.flow.failed == [("bobs-token", "YourTurn")]


def test_a_machine_of_a_deleted_job_is_ended_all_the_same_and_its_slot_is_freed() -> None:
    terminate = Terminate(states={"i-1": "running"})
    terminate.table.grant(Slot(RUN, a_machine("i-1")))
    terminate.jobs.delete("alice", JOB_ID)
    assert terminate("i-1") == ["i-1"]
    assert terminate.machines.terminated == ["i-1"]
    assert terminate.table.slots() == []


def test_terminating_twice_is_the_same_as_once() -> None:
    terminate = Terminate("i-1", states={"i-1": "running"})
    assert terminate() == ["i-1"]
    once = terminate.job
    assert terminate() == ["i-1"]
    assert terminate.job == once


def test_a_machine_too_new_for_ec2_to_know_is_not_taken_for_gone(stopped_clock: StoppedClock) -> None:
    launched = rfc3339(stopped_clock.moment - timedelta(minutes=1))
    terminate = Terminate(machines=(a_machine("i-1", launched_at=launched),))
    with pytest.raises(MachineStillAlive):
        terminate()


def test_a_machine_that_ec2_has_forgotten_is_gone(stopped_clock: StoppedClock) -> None:
    launched = rfc3339(stopped_clock.moment - timedelta(minutes=31))
    terminate = Terminate(machines=(a_machine("i-1", launched_at=launched),))
    assert terminate() == ["i-1"]
    assert terminate.ended == ["i-1"]


@pytest.mark.parametrize(
    ("state", "ends_at_once", "gone", "asked"),
    [
        ("terminated", True, True, 0),
        ("shutting-down", True, False, 0),
        ("running", True, True, 1),
        ("running", False, False, 1),
        ("pending", False, False, 1),
        ("stopped", False, False, 1),
    ],
)
def test_an_instance_is_gone_when_ec2_says_terminated(state: str, ends_at_once: bool, gone: bool, asked: int) -> None:
    machines = FakeMachines(states={"i-1": state}, ends_at_once=ends_at_once)
    assert is_gone(machines, "i-1", rfc3339(clock.utc_now())) == gone
    assert len(machines.terminated) == asked


def test_an_instance_that_ec2_forgets_between_two_calls_is_not_taken_for_gone() -> None:
    class Forgetful(FakeMachines):
        def terminate(self, instance_id: str) -> str | None:
            return None

    assert not is_gone(Forgetful(states={"i-1": "pending"}), "i-1", rfc3339(datetime.now().astimezone()))
