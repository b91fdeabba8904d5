from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from functions.execution.inspect_step import InspectStep
from functions.execution.ports import CommandState
from functions.jobs.clock import rfc3339
from functions.jobs.errors import JobEnded
from functions.jobs.job import JobStatus, Overrides
from functions.jobs.provenance import Content, Reported
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine

SHA = "a" * 64
LAUNCHED = {"status": JobStatus.LAUNCHING, "attempts": 1, "instance_id": "i-1"}


def inspect_step(state: CommandState | None, instance: str | None, **job: object) -> InspectStep:
    machines = FakeMachines(commands={"c-1": state} if state else {}, states={"i-1": instance} if instance else {})
    return InspectStep(MemoryJobTable(a_job(**{**LAUNCHED, "status": JobStatus.RUNNING, **job})), machines, 600)


def test_a_successful_command_brings_the_machines_own_times() -> None:
    at = "2026-01-31T09:15:09.000Z"
    listed = [{"event": "script_started", "at": at}, {"event": "<script>", "at": at}, {"event": 1}, "x"]
    report = {"events": listed, "output": {"size": 7, "sha256": SHA}, "input": "x", "python": "3.9.25"}
    found = inspect_step(CommandState("Success", 0, report), "running").inspect(RUN, "i-1", "c-1")
    assert (found.verdict, found.code) == ("finished", None)
    assert [(event.event, event.at) for event in found.events] == [("script_started", at)]
    assert found.reported == Reported(None, Content(7, SHA), "3.9.25")


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (10, "script_failed"),
        (11, "script_timed_out"),
        (12, "no_output"),
        (13, "output_too_large"),
        (14, "script_not_started"),
        (21, "input_unavailable"),
        (137, "internal_error"),
    ],
)
def test_the_wrappers_exit_code_says_what_failed(exit_code: int, code: str) -> None:
    found = inspect_step(CommandState("Failed", exit_code, None), "running").inspect(RUN, "i-1", "c-1")
    assert (found.verdict, found.code) == ("finished", code)
    assert found.message


def test_a_failing_script_is_reported_with_its_exit_code_and_the_end_of_its_stderr() -> None:
    state = CommandState(
        "Failed", 10, {"message": "the script ended with exit code 3", "stderr_tail": "no such column\n"}
    )
    found = inspect_step(state, "running").inspect(RUN, "i-1", "c-1")
    assert found.message == "The script ended with exit code 3.\nThe end of its stderr:\nno such column"


# Systems Manager user guide, "Command statuses", Pending: not received by the agent; it times out only after both
# of its time-outs together. https://github.com/CrowdStrike/aws-ssm-distributor/issues/59 is such a command.
@pytest.mark.parametrize(
    ("status", "age", "verdict"),
    [
        ("Pending", 899, "running"),
        ("Pending", 901, "lost"),
        ("Delayed", 901, "lost"),
        (None, 901, "lost"),
        ("InProgress", 901, "running"),
    ],
)
def test_a_command_that_no_agent_takes_is_given_up_once_its_addresses_have_expired(
    stopped_clock: StoppedClock, status: str | None, age: int, verdict: str
) -> None:
    state = CommandState(status, -1, None, has_begun=False) if status else None
    sent = rfc3339(stopped_clock.moment - timedelta(seconds=age))
    step = inspect_step(state, "running", updated_at=sent)
    assert step.inspect(RUN, "i-1", "c-1").verdict == verdict


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Delayed", None])
@pytest.mark.parametrize(
    ("instance", "verdict"),
    [("pending", "running"), ("running", "running"), ("shutting-down", "lost"), ("terminated", "lost"), (None, "lost")],
)
@pytest.mark.usefixtures("stopped_clock")
def test_a_command_that_is_not_over_runs_as_long_as_its_machine(
    status: str | None, instance: str | None, verdict: str
) -> None:
    state = CommandState(status, -1, None) if status else None
    assert inspect_step(state, instance).inspect(RUN, "i-1", "c-1").verdict == verdict


# What the agent answers for a process that a signal ended: the shell's code, or Go's ExitStatus where the shell was
# replaced by it (amazon-ssm-agent agent/executers/executers.go; seen, docs/ssm-agent.md).
@pytest.mark.parametrize(("status", "exit_code"), [("Failed", 143), ("Failed", -1), ("TimedOut", -1)])
@pytest.mark.parametrize(
    ("instance", "verdict"), [("shutting-down", "lost"), ("terminated", "lost"), ("running", "finished")]
)
def test_a_command_stopped_by_a_signal_or_its_limit_is_the_machines_end_if_that_is_going_down(
    status: str, exit_code: int, instance: str, verdict: str
) -> None:
    state = CommandState(status, exit_code, None)
    assert inspect_step(state, instance).inspect(RUN, "i-1", "c-1").verdict == verdict


@pytest.mark.parametrize(
    "state", [CommandState("Failed", 143, None), CommandState("Failed", -1, None), CommandState("TimedOut", -1, None)]
)
@pytest.mark.parametrize(("age", "verdict"), [(0, "running"), (29, "running"), (31, "finished")])
def test_a_command_that_may_have_ended_with_its_machine_is_looked_at_again_for_a_moment(
    stopped_clock: StoppedClock, state: CommandState, age: float, verdict: str
) -> None:
    state = replace(state, ended_at=rfc3339(stopped_clock.moment - timedelta(seconds=age)))
    assert inspect_step(state, "running").inspect(RUN, "i-1", "c-1").verdict == verdict


@pytest.mark.parametrize(("age", "verdict"), [(60, "running"), (119, "running"), (121, "lost")])
def test_a_command_stopped_by_a_signal_waits_for_ec2_to_show_its_new_machine(
    stopped_clock: StoppedClock, age: float, verdict: str
) -> None:
    new = a_machine("i-1", launched_at=rfc3339(stopped_clock.moment - timedelta(seconds=age)))
    state = CommandState("Failed", 143, None, ended_at=rfc3339(stopped_clock.moment - timedelta(seconds=35)))
    assert inspect_step(state, None, machines=(new,)).inspect(RUN, "i-1", "c-1").verdict == verdict


def test_a_command_that_ended_by_itself_is_not_looked_at_again(stopped_clock: StoppedClock) -> None:
    state = CommandState("Failed", 10, None, rfc3339(stopped_clock.moment))
    assert inspect_step(state, "terminated").inspect(RUN, "i-1", "c-1").verdict == "finished"


def test_an_upload_that_came_too_late_is_neither_success_nor_failure() -> None:
    found = inspect_step(CommandState("Failed", 31, None), "running").inspect(RUN, "i-1", "c-1")
    assert (found.verdict, found.code) == ("unstored", None)


def test_a_command_that_ssm_stopped_at_its_limit_is_a_time_out() -> None:
    found = inspect_step(CommandState("TimedOut", -1, None), "running").inspect(RUN, "i-1", "c-1")
    assert found.code == "script_timed_out"


# With dash as sh the agent says TimedOut and 137 of a wrapper that was killed, as of a time-out (amazon-ssm-agent,
# pluginutil_unix.go, GetStatus; seen, docs/ssm-agent.md).
@pytest.mark.parametrize(
    ("minutes", "seconds", "code"),
    [
        (None, 599, "internal_error"),
        (None, 600, "script_timed_out"),
        (2, 119, "internal_error"),
        (2, 600, "script_timed_out"),
    ],
)
def test_a_wrapper_that_was_killed_before_its_time_is_not_a_time_out(
    stopped_clock: StoppedClock, minutes: int | None, seconds: int, code: str
) -> None:
    ended = stopped_clock.moment - timedelta(minutes=1)
    state = CommandState("TimedOut", 137, None, rfc3339(ended), began_at=rfc3339(ended - timedelta(seconds=seconds)))
    step = inspect_step(state, "running", overrides=Overrides(timeout_minutes=minutes))
    assert step.inspect(RUN, "i-1", "c-1").code == code


@pytest.mark.parametrize("facts", [{"status": JobStatus.CANCELLED}, {"run": 2}])
def test_inspecting_a_run_that_is_over_ends_its_workflow(facts: dict[str, object]) -> None:
    with pytest.raises(JobEnded):
        inspect_step(None, "running", **facts).inspect(RUN, "i-1", "c-1")


@pytest.mark.parametrize("instance", ["terminated", "running"])
def test_a_lost_machine_is_noted_once_however_often_it_is_looked_for(instance: str) -> None:
    step = inspect_step(None, instance)
    for _ in range(2):
        assert step.inspect(RUN, "i-1", "c-1").verdict == "lost"
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert [event.event for event in job.timeline] == ["machine_lost"]


@pytest.mark.usefixtures("stopped_clock")
def test_a_lost_machine_is_noted_with_ec2s_reason() -> None:
    step = inspect_step(None, "terminated")
    assert isinstance(step.machines, FakeMachines)
    step.machines.reasons["i-1"] = "Server.SpotInstanceTermination"
    step.inspect(RUN, "i-1", "c-1")
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert job.timeline[-1].detail == "i-1 is gone before the script was done (Server.SpotInstanceTermination)."


def test_a_machine_that_never_took_its_command_is_lost_although_it_lives() -> None:
    step = inspect_step(CommandState("TimedOut", -1, None, has_begun=False), "running")
    assert step.inspect(RUN, "i-1", "c-1").verdict == "lost"


@pytest.mark.parametrize(("seconds", "verdict"), [(5, "running"), (31, "lost")])
def test_a_machine_from_the_pool_may_for_a_moment_seem_to_be_stopped(
    stopped_clock: StoppedClock, seconds: float, verdict: str
) -> None:
    started = a_machine("i-1", prepared_at="2026-01-31T08:00:00.000Z", launched_at=rfc3339(stopped_clock.moment))
    stopped_clock.go_on(seconds)
    step = inspect_step(CommandState("Pending", -1, None), "stopped", machines=(started,))
    assert step.inspect(RUN, "i-1", "c-1").verdict == verdict


def test_a_new_machine_that_is_stopped_is_lost(stopped_clock: StoppedClock) -> None:
    new = a_machine("i-1", launched_at=rfc3339(stopped_clock.moment))
    step = inspect_step(CommandState("InProgress", -1, None), "stopped", machines=(new,))
    assert step.inspect(RUN, "i-1", "c-1").verdict == "lost"
