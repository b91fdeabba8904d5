from __future__ import annotations

import json
import shlex

import pytest

from functions.jobs.errors import AgentNotOnline, JobEnded
from functions.jobs.job import JobStatus
from functions.jobs.machine_command import machine_command
from functions.jobs.ports import CommandState, Machine
from functions.jobs.running import Awaiting, Dispatching, Inspecting
from tests.functions.fakes import (
    JOB_ID,
    FakeJobFiles,
    FakeJobTable,
    FakeMachines,
    FakeMachineTable,
    FakeWorkflow,
    a_job,
)

SHA = "a" * 64
LAUNCHED = {"status": JobStatus.LAUNCHING, "attempts": 1, "instance_id": "i-1"}


def dispatching(machines: FakeMachines, **job: object) -> tuple[Dispatching, list[float]]:
    waits: list[float] = []
    step = Dispatching(
        jobs=FakeJobTable.of(a_job(**{**LAUNCHED, **job})),
        machines=machines,
        files=FakeJobFiles(),
        bootstrap="print('hello')\n",
        payload_sha256=SHA,
        script=("./script.py",),
        job_timeout=600,
        transfer_allowance=60,
        online_waits=(0.1, 0.2),
        sleep=waits.append,
    )
    return step, waits


def test_the_command_carries_urls_and_hashes_and_nothing_that_a_user_wrote() -> None:
    machines = FakeMachines(sends=["c-1"])
    text, name = "$(reboot) `id` ' \" \n PYTHON", '\'; rm -rf "$HOME" #.txt'
    step, _ = dispatching(machines, input_text=text, filename=name)
    assert step.dispatch("alice", JOB_ID, 1, "i-1") == "c-1"
    ((_, script, timeout),) = machines.sent
    assert timeout == 660
    assert text not in script
    assert name not in script
    first, *rest = script.splitlines()
    words = shlex.split(first)
    assert words[:3] == ["exec", "python3", "-"]
    assert words[3:] == ["https://s3.test/payload?signed", SHA, "https://s3.test/spec?signed", words[6], "<<PYTHON"]
    assert rest == ["print('hello')", "PYTHON"]


def test_the_spec_has_what_the_attempt_needs_under_the_hash_that_the_command_names() -> None:
    machines = FakeMachines(sends=["c-1"])
    step, _ = dispatching(machines, input_text="\N{PARTY POPPER}")
    step.dispatch("alice", JOB_ID, 3, "i-1")
    assert isinstance(step.files, FakeJobFiles)
    body = step.files.specs[f"specs/alice/{JOB_ID}/3.json"]
    spec = json.loads(body)
    assert spec["text"] == "\N{PARTY POPPER}"
    assert (spec["version"], spec["attempt"], spec["timeout_s"], spec["command"]) == (1, 3, 600, ["./script.py"])
    assert spec["input"] == {"url": "https://s3.test/660?input", "size": 3}


def test_a_sent_command_makes_the_job_running() -> None:
    step, _ = dispatching(FakeMachines(sends=["c-1"]))
    step.dispatch("alice", JOB_ID, 1, "i-1")
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert (job.status, job.command_id) == (JobStatus.RUNNING, "c-1")


def test_a_repeated_dispatch_sends_no_second_command() -> None:
    machines = FakeMachines(sends=["c-1"])
    step, _ = dispatching(machines)
    assert [step.dispatch("alice", JOB_ID, 1, "i-1") for _ in range(2)] == ["c-1", "c-1"]
    assert len(machines.sent) == 1


def test_a_result_that_could_not_be_stored_is_stored_by_a_command_of_its_own_under_a_fresh_url() -> None:
    machines = FakeMachines(sends=["c-1", "c-2"])
    step, _ = dispatching(machines)
    step.dispatch("alice", JOB_ID, 1, "i-1")
    assert [step.dispatch("alice", JOB_ID, 1, "i-1", "c-1") for _ in range(2)] == ["c-2", "c-2"]
    scripts = [script.splitlines()[0] for _, script, _ in machines.sent]
    assert ["--upload-only" in shlex.split(script) for script in scripts] == [False, True]
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert (job.command_id, job.timeline[-1].event) == ("c-2", "storing_again")


def test_a_machine_about_to_be_online_is_waited_for() -> None:
    step, waits = dispatching(FakeMachines(sends=[AgentNotOnline("not yet"), AgentNotOnline("not yet"), "c-1"]))
    assert step.dispatch("alice", JOB_ID, 1, "i-1") == "c-1"
    assert waits == [0.1, 0.2]


def test_a_machine_that_stays_offline_is_handed_back_to_the_workflow() -> None:
    step, _ = dispatching(FakeMachines(sends=[AgentNotOnline("not yet")] * 3))
    with pytest.raises(AgentNotOnline):
        step.dispatch("alice", JOB_ID, 1, "i-1")


def test_a_cancelled_job_gets_no_command() -> None:
    machines = FakeMachines(sends=["c-1"])
    step, _ = dispatching(machines, status=JobStatus.CANCELLED)
    with pytest.raises(JobEnded):
        step.dispatch("alice", JOB_ID, 1, "i-1")
    assert machines.sent == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("payload_url", "https://s3.test/' ; reboot"),
        ("spec_url", "https://s3.test/\nreboot"),
        ("spec_url", "file:///etc/passwd"),
        ("payload_sha256", "$(reboot)"),
        ("spec_sha256", "A" * 64),
    ],
)
def test_a_command_is_not_made_of_anything_but_urls_and_hashes(name: str, value: str) -> None:
    good = {"payload_url": "https://a/b", "payload_sha256": SHA, "spec_url": "https://a/c", "spec_sha256": SHA}
    with pytest.raises(ValueError, match="machine's command"):
        machine_command("pass", **{**good, name: value})  # type: ignore[arg-type]


def awaiting() -> tuple[Awaiting, list[str]]:
    table, workflow = FakeMachineTable(), FakeWorkflow()
    table.add(Machine("i-1", "alice", JOB_ID, 1))
    return Awaiting(table, workflow), workflow.woken


def test_news_wakes_the_workflow_that_waits() -> None:
    step, woken = awaiting()
    step.park("i-1", "token")
    assert woken == []
    assert step.report("i-1", "Success")
    assert woken == ["token"]


def test_news_that_came_before_the_wait_ends_it_at_once() -> None:
    step, woken = awaiting()
    step.report("i-1", "Success")
    step.park("i-1", "token")
    assert woken == ["token"]


def test_old_news_does_not_end_the_next_wait() -> None:
    step, woken = awaiting()
    step.report("i-1", "warning")
    step.park("i-1", "first")
    step.park("i-1", "second")
    assert woken == ["first"]


def test_news_about_somebody_elses_machine_is_nobodys_business() -> None:
    step, woken = awaiting()
    assert not step.report("i-other", "terminated")
    assert woken == []


def inspecting(state: CommandState | None, instance: str | None, **job: object) -> Inspecting:
    machines = FakeMachines(commands={"c-1": state} if state else {}, states={"i-1": instance} if instance else {})
    return Inspecting(FakeJobTable.of(a_job(**{**LAUNCHED, "status": JobStatus.RUNNING, **job})), machines)


def test_a_successful_command_brings_the_machines_own_times() -> None:
    at = "2026-01-31T09:15:09.000Z"
    report = {"events": [{"event": "script_started", "at": at}, {"event": "<script>", "at": at}, {"event": 1}, "x"]}
    found = inspecting(CommandState("Success", 0, report), "running").inspect("alice", JOB_ID, "i-1", "c-1")
    assert (found.verdict, found.code) == ("finished", None)
    assert [(event.event, event.at) for event in found.events] == [("script_started", at)]


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (10, "script_failed"),
        (11, "script_timed_out"),
        (12, "no_output"),
        (21, "input_unavailable"),
        (137, "internal_error"),
    ],
)
def test_the_wrappers_exit_code_says_what_failed(exit_code: int, code: str) -> None:
    found = inspecting(CommandState("Failed", exit_code, None), "running").inspect("alice", JOB_ID, "i-1", "c-1")
    assert (found.verdict, found.code) == ("finished", code)
    assert found.message


def test_a_failing_script_is_reported_with_its_exit_code_and_the_end_of_its_stderr() -> None:
    state = CommandState(
        "Failed", 10, {"message": "the script ended with exit code 3", "stderr_tail": "no such column\n"}
    )
    found = inspecting(state, "running").inspect("alice", JOB_ID, "i-1", "c-1")
    assert found.message == "The script ended with exit code 3. The end of its stderr:\nno such column"


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Delayed", None])
@pytest.mark.parametrize(
    ("instance", "verdict"),
    [("pending", "running"), ("running", "running"), ("shutting-down", "lost"), ("terminated", "lost"), (None, "lost")],
)
def test_a_command_that_is_not_over_runs_as_long_as_its_machine(
    status: str | None, instance: str | None, verdict: str
) -> None:
    state = CommandState(status, -1, None) if status else None
    assert inspecting(state, instance).inspect("alice", JOB_ID, "i-1", "c-1").verdict == verdict


@pytest.mark.parametrize(("instance", "verdict"), [("shutting-down", "lost"), ("running", "finished")])
def test_a_command_stopped_by_a_signal_is_the_machines_end_if_that_is_going_down(instance: str, verdict: str) -> None:
    state = CommandState("Failed", 143, None)
    assert inspecting(state, instance).inspect("alice", JOB_ID, "i-1", "c-1").verdict == verdict


def test_an_upload_that_came_too_late_is_neither_success_nor_failure() -> None:
    found = inspecting(CommandState("Failed", 31, None), "running").inspect("alice", JOB_ID, "i-1", "c-1")
    assert (found.verdict, found.code) == ("unstored", None)


def test_a_command_that_ssm_stopped_at_its_limit_is_a_time_out() -> None:
    found = inspecting(CommandState("TimedOut", -1, None), "running").inspect("alice", JOB_ID, "i-1", "c-1")
    assert found.code == "script_timed_out"


def test_inspecting_a_cancelled_job_ends_its_workflow() -> None:
    with pytest.raises(JobEnded):
        inspecting(None, "running", status=JobStatus.CANCELLED).inspect("alice", JOB_ID, "i-1", "c-1")
