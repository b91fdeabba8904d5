from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from functions.cleanup.ending import VERIFIED_BY_WORKFLOW, RecordStep, ReleaseStep, RunMachines, TerminateStep, is_gone
from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.ports import MachineAssignment
from functions.execution.running import AwaitStep, Outcome
from functions.jobs import clock
from functions.jobs.clock import rfc3339
from functions.jobs.errors import ConcurrentChange, MachineStillAlive
from functions.jobs.job import Job, JobStatus, Run, StoredManifest, TimelineEvent
from functions.jobs.provenance import Content, Reported
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_files import FakeJobFiles
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, FakeJobTable, a_job
from tests.functions.fakes.machine_table import FakeMachineTable
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.scheduling_table import FakeSchedulingTable
from tests.functions.fakes.workflow import FakeWorkflow

PATH = f"outputs/outputs/alice/{JOB_ID}/2/a b.txt"
RUNNING = {"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-1", "command_id": "c-1"}


def record_step(stored: bytes | None = b"abc\nappended", **job: object) -> tuple[RecordStep, FakeJobTable]:
    table = FakeJobTable.of(a_job(**{**RUNNING, **job}))
    files = FakeJobFiles(outputs={PATH: stored} if stored is not None else {})
    return RecordStep(table, files, "1.2.3"), table


def test_success_names_the_winning_attempts_output() -> None:
    step, table = record_step()
    step.finished(RUN, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    job = table.only
    assert (job.status, job.output_file_path, job.output_size, job.error) == (JobStatus.SUCCEEDED, PATH, 12, None)
    assert [event.event for event in job.timeline] == ["script_started", "succeeded"]


def test_the_output_is_looked_for_under_the_name_that_the_job_has_for_it() -> None:
    step, table = record_step(None, output_suffix=".html")
    assert isinstance(step.files, FakeJobFiles)
    step.files.outputs[f"{PATH}.html"] = b"<p>"
    step.finished(RUN, 2, Outcome("finished"))
    assert (table.only.output_file_path, table.only.output_filename) == (f"{PATH}.html", "a b.txt.html")


def test_success_has_a_manifest_whose_hash_the_job_keeps() -> None:
    step, table = record_step()
    step.finished(RUN, 2, Outcome("finished", reported=Reported(output=Content(12, "a" * 64))))
    assert isinstance(step.files, FakeJobFiles)
    ((path, body),) = step.files.manifests
    assert path == f"outputs/manifests/alice/{JOB_ID}/2.json"
    assert table.only.manifest == StoredManifest(path, hashlib.sha256(body).hexdigest())
    assert json.loads(body)["output"]["sha256"] == "a" * 64


def test_a_manifest_is_written_before_the_job_has_succeeded_and_again_with_the_same_bytes() -> None:
    step, table = record_step()
    assert isinstance(step.files, FakeJobFiles)
    update, written = table.update, step.files.manifests

    def interrupted(owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        if written:
            raise ConcurrentChange("the record kept changing")
        return update(owner, job_id, change)

    table.update = interrupted  # type: ignore[method-assign]  # the first try breaks off between the two
    with pytest.raises(ConcurrentChange):
        step.finished(RUN, 2, Outcome("finished"))
    statuses = [table.only.status]
    table.update = update  # type: ignore[method-assign]  # as it was
    step.finished(RUN, 2, Outcome("finished"))
    assert [*statuses, table.only.status] == [JobStatus.RUNNING, JobStatus.SUCCEEDED]
    assert len(written) == 2
    assert written[0] == written[1]
    step.finished(RUN, 2, Outcome("finished"))
    assert len(written) == 2


def test_what_has_not_succeeded_gets_no_manifest() -> None:
    for step, outcome in (
        (record_step()[0], Outcome("finished", "script_failed")),
        (record_step(None)[0], Outcome("finished")),
    ):
        step.finished(RUN, 2, outcome)
        assert isinstance(step.files, FakeJobFiles)
        assert step.files.manifests == []


def test_success_without_a_stored_output_is_a_failure() -> None:
    step, table = record_step(stored=None)
    step.finished(RUN, 2, Outcome("finished"))
    assert table.only.status is JobStatus.FAILED
    assert table.only.error
    assert table.only.error.code == "output_not_stored"


def test_an_empty_output_is_an_output() -> None:
    step, table = record_step(stored=b"")
    step.finished(RUN, 2, Outcome("finished"))
    assert (table.only.status, table.only.output_size) == (JobStatus.SUCCEEDED, 0)


def test_a_failed_script_keeps_its_words_and_gets_advice() -> None:
    step, table = record_step()
    step.finished(RUN, 2, Outcome("finished", "script_failed", "exit code 3.\nboom"))
    error = table.only.error
    assert error
    assert (error.code, error.message) == ("script_failed", "exit code 3.\nboom")
    assert "log" in error.advice
    assert table.only.timeline[-1].detail == "exit code 3."


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_job_that_has_ended_stays_as_it_ended(status: JobStatus) -> None:
    step, table = record_step(status=status)
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
        ("CapacityAvailable", "internal_error"),
    ],
)
def test_a_workflow_error_becomes_the_jobs_failure_in_readable_words(error: str, code: str) -> None:
    step, table = record_step()
    step.broken(RUN, error, json.dumps({"errorMessage": "AMI is gone", "errorType": error}))
    assert table.only.error
    assert table.only.error.code == code
    assert table.only.error.message == f"{error}: AMI is gone"


def test_a_run_that_another_one_followed_writes_no_outcome() -> None:
    step, table = record_step(run=2)
    before = table.only
    step.finished(RUN, 2, Outcome("finished"))
    step.broken(RUN, "MachineLost", "gone")
    assert table.only == before


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ('{"errorMessage": "no room", "errorType": "X"}', "LaunchRefused: no room"),
        ('{"errorType": "X"}', "LaunchRefused"),
        ("plain words", "LaunchRefused: plain words"),
        ("[1]", "LaunchRefused: [1]"),
        ("", "LaunchRefused"),
    ],
)
def test_the_cause_of_a_steps_own_error_is_given_in_its_own_words(cause: str, words: str) -> None:
    step, table = record_step()
    step.broken(RUN, "LaunchRefused", cause)
    assert table.only.error
    assert table.only.error.message == words


CALLER = "arn:aws:sts::123456789012:assumed-role/mayfly-prod-dispatch"  # as AWS names a caller
DENIED = f"User: {CALLER}/f is not authorized to perform: ssm:SendCommand on arn:aws:ec2:eu-central-1:123456789012:i-1"


@pytest.mark.parametrize(
    ("error", "message", "words"),
    [
        (
            "ClientError",
            f"An error occurred (AccessDeniedException) when calling the SendCommand operation: {DENIED}",
            "ClientError: AccessDeniedException from SendCommand",
        ),
        (
            "ClientError",
            f"An error occurred (Throttling) when calling the PutItem operation (reached max retries: 2): {DENIED}",
            "ClientError: Throttling from PutItem",
        ),
        ("Lambda.AWSLambdaException", DENIED, "Lambda.AWSLambdaException"),
        ("States.Runtime", f"The state failed: {DENIED}", "States.Runtime"),
        ("KeyError", f"'{CALLER}'", "KeyError"),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_aws_text_is_logged_and_reaches_nobody(
    error: str, message: str, words: str, is_wrapped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    step, table = record_step()
    cause = json.dumps({"errorMessage": message, "errorType": error}) if is_wrapped else message
    step.broken(RUN, error, cause)
    assert table.only.error
    assert table.only.error.message == words
    assert "123456789012" not in repr(table.only)
    assert [record.cause for record in caplog.records if hasattr(record, "cause")] == [cause]


class Release:
    """The Release step for a run, whose job may know of machines, and another run that waits in the queue."""

    def __init__(self, *machines: str, states: dict[str, str] | None = None, **facts: object) -> None:
        records = tuple(a_machine(one) for one in machines)
        self.jobs = FakeJobTable.of(a_job(**{**RUNNING, "machines": records, **facts}))
        self.table, self.flow = FakeSchedulingTable(), FakeWorkflow()
        self.machines = FakeMachines(states=states or {})
        self.table.enqueue(Run("bob", OTHER_ID), 1, "bobs-token")
        self.machine_table = FakeMachineTable()
        self.ends = RunMachines(self.jobs, LaunchQueue(self.table, self.flow), self.machines)

    def __call__(self, instance_id: str | None = "i-1", run: Run = RUN) -> list[str]:
        return ReleaseStep(self.ends, self.machine_table).release(run, instance_id)

    @property
    def job(self) -> Job:
        return self.jobs.only

    @property
    def ended(self) -> list[str]:
        return [one.instance_id for one in self.job.machines if one.terminated_at]


def test_a_machine_seen_terminated_gets_the_end_of_its_receipt(stopped_clock: StoppedClock) -> None:
    release = Release("i-1", states={"i-1": "running"})
    assert release() == ["i-1"]
    (machine,) = release.job.machines
    assert (machine.terminated_at, machine.verified) == (rfc3339(stopped_clock.moment), VERIFIED_BY_WORKFLOW)
    assert [event.event for event in release.job.timeline] == ["machine_terminated"]
    assert release.machines.terminated == ["i-1"]


def test_the_slot_is_free_for_the_next_in_line_once_its_machine_is_seen_terminated() -> None:
    release = Release("i-1", states={"i-1": "running"})
    release.table.grant_slots([Slot(RUN, a_machine("i-1"))])
    release.machines.ends_at_once = False
    with pytest.raises(MachineStillAlive, match="i-1"):
        release()
    assert len(release.table.slots()) == 1
    assert release.flow.answers == []
    release.machines.states["i-1"] = "terminated"
    release()
    assert release.table.slots() == []
    assert release.flow.failed == [("bobs-token", "CapacityAvailable")]


def test_termination_is_not_believed_until_it_is_seen_nor_asked_for_twice() -> None:
    release = Release("i-1", states={"i-1": "running"})
    release.machines.ends_at_once = False
    for _ in range(3):
        with pytest.raises(MachineStillAlive, match="i-1"):
            release()
    assert release.machines.terminated == ["i-1"]
    assert release.ended == []


def test_a_machine_whose_launch_did_not_get_into_the_record_is_known_from_its_slot() -> None:
    release = Release(states={"i-9": "pending"}, status=JobStatus.CANCELLED)
    release.table.grant_slots([Slot(RUN, a_machine("i-9"))])
    assert release(None) == ["i-9"]
    assert release.machines.terminated == ["i-9"]
    assert release.ended == ["i-9"], "it has its receipt all the same"
    assert release.table.slots() == []


def test_a_slot_that_went_to_another_machine_is_freed_with_that_one() -> None:
    release = Release("i-1", states={"i-1": "terminated", "i-2": "running"})
    release.table.grant_slots([Slot(RUN, a_machine("i-2"))])
    assert release("i-1") == ["i-1", "i-2"]
    assert release.table.slots() == []
    assert release.machines.terminated == ["i-2"]


def test_only_the_machines_of_the_run_are_looked_at() -> None:
    old = a_machine("i-0", run=1).ended("2026-01-31T09:20:00.000Z", "seen")
    release = Release(
        states={"i-1": "running"}, machines=(old, a_machine("i-1", run=2), a_machine("i-x", run=3)), run=2
    )
    assert release("i-1", Run("alice", JOB_ID, 2)) == ["i-1"]
    assert release.machines.terminated == ["i-1"]
    assert release.job.machines[0] == old


def test_a_machine_that_has_the_end_of_its_receipt_is_not_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = a_machine("i-1").ended("2026-01-31T09:20:00.000Z", "the sweeper saw it")
    release = Release(machines=(ended,))
    asked: list[str] = []
    monkeypatch.setattr(release.machines, "instance_state", asked.append)
    assert release("i-1") == ["i-1"]
    assert (asked, release.job.machines) == ([], (ended,))


def test_a_run_that_is_released_has_left_the_line() -> None:
    release = Release()
    release.table.enqueue(RUN, 1, "token")
    release(None)
    assert [entry.run.owner for entry in release.table.oldest(9)] == ["bob"]


def test_a_job_without_machines_has_nothing_to_terminate_but_makes_way_for_the_next() -> None:
    release = Release()
    assert release(None) == []
    assert release.machines.terminated == []
    assert release.flow.failed == [("bobs-token", "CapacityAvailable")]


def test_a_machine_of_a_deleted_job_is_ended_all_the_same_and_its_slot_is_freed() -> None:
    release = Release(states={"i-1": "running"})
    release.table.grant_slots([Slot(RUN, a_machine("i-1"))])
    release.jobs.remove("alice", JOB_ID)
    assert release("i-1") == ["i-1"]
    assert release.machines.terminated == ["i-1"]
    assert release.table.slots() == []


def test_an_end_that_ec2_reported_is_believed_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Release("i-1", states={"i-1": "running"})
    release.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    release.machine_table.report("i-1", "terminated", is_end=True)
    asked: list[str] = []
    monkeypatch.setattr(release.machines, "instance_state", asked.append)
    assert release() == ["i-1"]
    assert (asked, release.ended) == ([], ["i-1"])


class Terminate(Release):
    """The Terminate step for the same, which answers what its workflow heard."""

    def __call__(self, instance_id: str | None = "i-1", run: Run = RUN) -> list[str]:
        batcher = TerminationBatcher(self.machine_table, self.machines, (), lambda _: None)
        TerminateStep(self.ends, self.machine_table, batcher).terminate(run, instance_id, "its-token")
        return self.flow.woken

    def report(self, state: str) -> list[str]:
        AwaitStep(self.machine_table, self.flow).report("i-1", state, is_end=state == "terminated")
        return self.flow.woken


def test_the_workflow_hears_of_its_machines_end_and_of_nothing_before() -> None:
    terminate = Terminate("i-1", states={"i-1": "running"})
    terminate.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    terminate.machine_table.store_token("i-1", "of-the-command")
    terminate.machines.ends_at_once = False
    assert terminate() == []
    assert terminate.machines.terminated == ["i-1"]
    assert terminate.report("shutting-down") == []
    assert terminate.report("terminated") == ["its-token"]


def test_a_machine_that_ended_before_is_not_waited_for() -> None:
    terminate = Terminate("i-1", states={"i-1": "terminated"})
    terminate.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    terminate.report("terminated")
    assert terminate() == ["its-token"]
    assert terminate.machines.terminated == []


def test_a_machine_that_ec2_ends_at_once_is_not_waited_for() -> None:
    assert Terminate("i-1", states={"i-1": "running"})() == ["its-token"]


def test_a_machine_that_was_never_dispatched_to_is_waited_for_all_the_same() -> None:
    terminate = Terminate(states={"i-1": "pending"})
    terminate.table.grant_slots([Slot(RUN, a_machine("i-1"))])
    terminate.machines.ends_at_once = False
    assert terminate(None) == []
    assert terminate.report("terminated") == ["its-token"]


def test_a_machine_that_ec2_does_not_know_is_left_to_release() -> None:
    assert Terminate("i-1", states={})() == ["its-token"]


def test_a_run_without_machines_waits_for_nothing() -> None:
    assert Terminate()(None) == ["its-token"]


def test_releasing_twice_is_the_same_as_once() -> None:
    release = Release("i-1", states={"i-1": "running"})
    assert release() == ["i-1"]
    once = release.job
    assert release() == ["i-1"]
    assert release.job == once


def test_a_machine_too_new_for_ec2_to_know_is_not_taken_for_gone(stopped_clock: StoppedClock) -> None:
    launched = rfc3339(stopped_clock.moment - timedelta(minutes=1))
    release = Release(machines=(a_machine("i-1", launched_at=launched),))
    with pytest.raises(MachineStillAlive):
        release()


def test_a_machine_that_ec2_has_forgotten_is_gone(stopped_clock: StoppedClock) -> None:
    launched = rfc3339(stopped_clock.moment - timedelta(minutes=31))
    release = Release(machines=(a_machine("i-1", launched_at=launched),))
    assert release() == ["i-1"]
    assert release.ended == ["i-1"]


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
