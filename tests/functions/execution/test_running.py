from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from functions.execution.machine_command import machine_command
from functions.execution.ports import CommandState, MachineAssignment
from functions.execution.running import AwaitStep, DispatchStep, InspectStep
from functions.jobs.clock import rfc3339
from functions.jobs.errors import AgentNotOnline, JobEnded, MachineLost
from functions.jobs.job import Job, JobStatus, Overrides, Program, Run
from functions.jobs.provenance import Content, Reported
from functions.scheduling.ports import Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_files import FakeJobFiles
from tests.functions.fakes.job_table import JOB_ID, RUN, FakeJobTable, a_job
from tests.functions.fakes.machine_table import FakeMachineTable
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.scheduling_table import FakeSchedulingTable
from tests.functions.fakes.workflow import FakeWorkflow

SHA = "a" * 64
LAUNCHED = {"status": JobStatus.LAUNCHING, "attempts": 1, "instance_id": "i-1"}
NOT_YET = AgentNotOnline("not yet")


class Dispatch:
    """The Dispatch step for a job whose run holds a slot with machine `i-1`."""

    def __init__(self, *sends: str | Exception, **job: object) -> None:
        self.jobs, self.queue, self.machine_table = (
            FakeJobTable.of(a_job(**job)),
            FakeSchedulingTable(),
            FakeMachineTable(),
        )
        self.machines, self.files, self.waits = FakeMachines(sends=list(sends)), FakeJobFiles(), list[float]()
        self.queue.grant_slots([Slot(RUN, a_machine("i-1", attempt=1))])
        self.step = DispatchStep(
            jobs=self.jobs,
            queue=self.queue,
            machine_table=self.machine_table,
            machines=self.machines,
            files=self.files,
            stack="dev",
            bootstrap="print('hello')\n",
            payload_sha256=SHA,
            script=("./script.py",),
            job_timeout=600,
            transfer_allowance=60,
            online_waits=(0.1, 0.2),
            sleep=self.waits.append,
        )

    def __call__(
        self, attempt: int = 1, instance_id: str = "i-1", stored_after: str | None = None, retries: int = 0
    ) -> str:
        return self.step.dispatch(RUN, attempt, instance_id, stored_after, retries)

    @property
    def job(self) -> Job:
        return self.jobs.only

    @property
    def events(self) -> list[str]:
        return [event.event for event in self.job.timeline]


def test_a_machine_gets_its_jobs_tags_once() -> None:
    dispatch = Dispatch(NOT_YET, "c-1")
    dispatch.step.dispatch(RUN, 1, "i-1")
    assert dispatch.machines.tagged == {
        "i-1": {
            "Name": f"mayfly dev {JOB_ID}",
            "mayfly:owner": "alice",
            "mayfly:job-id": JOB_ID,
            "mayfly:attempt": "1",
        }
    }
    dispatch.machines.tagged.clear()
    dispatch.machines.sends.append("c-2")
    dispatch.step.dispatch(RUN, 1, "i-1", stored_after="c-1")
    assert dispatch.machines.tagged == {}


@pytest.mark.parametrize("sends", [("c-1",), (NOT_YET, NOT_YET, NOT_YET)], ids=["online", "not online"])
def test_a_machine_that_ec2_does_not_know_yet_is_tagged_a_moment_later(sends: Sequence[str | Exception]) -> None:
    dispatch = Dispatch(*sends)
    dispatch.machines.untagged = 1
    with suppress(AgentNotOnline):
        dispatch()
    assert dispatch.machines.tagged["i-1"]["mayfly:job-id"] == JOB_ID


def test_a_machine_that_cannot_be_tagged_gets_its_command() -> None:
    dispatch = Dispatch("c-1")
    dispatch.machines.untagged = 2
    assert dispatch() == "c-1"
    assert dispatch.machines.tagged == {}


def test_the_machine_of_the_slot_is_entered_into_the_job_with_its_receipt() -> None:
    dispatch = Dispatch("c-1")
    assert dispatch() == "c-1"
    job = dispatch.job
    assert (job.status, job.attempts, job.instance_id, job.command_id) == (JobStatus.RUNNING, 1, "i-1", "c-1")
    assert job.machines == (a_machine("i-1", attempt=1, commands=("c-1",)),)
    assert dispatch.machine_table.machines == {"i-1": MachineAssignment("i-1", "alice", JOB_ID, 1)}
    assert dispatch.events == ["launched", "running"]
    assert job.timeline[0].detail == "i-1: t4g.small, spot, in eu-central-1b."


def test_a_machine_is_the_jobs_even_before_it_is_online() -> None:
    dispatch = Dispatch(NOT_YET, NOT_YET, NOT_YET)
    with pytest.raises(AgentNotOnline):
        dispatch()
    assert (dispatch.job.status, dispatch.job.instance_id) == (JobStatus.LAUNCHING, "i-1")
    assert "i-1" in dispatch.machine_table.machines, "news about it must find it"


def test_the_next_attempts_machine_takes_the_place_of_the_lost_one() -> None:
    dispatch = Dispatch("c-2", status=JobStatus.RUNNING, attempts=1, instance_id="i-0", command_id="c-1")
    dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1", attempt=2))])
    assert dispatch(attempt=2) == "c-2"
    job = dispatch.job
    assert (job.status, job.attempts, job.instance_id, job.command_id) == (JobStatus.RUNNING, 2, "i-1", "c-2")
    assert list(dispatch.files.specs) == [f"specs/alice/{JOB_ID}/2.json"]


@pytest.mark.parametrize("held", ["i-2", None])
def test_a_machine_that_does_not_hold_the_slot_any_more_gets_no_command(held: str | None) -> None:
    dispatch = Dispatch("c-1")
    dispatch.queue.release_slot(RUN, "i-1")
    if held:
        dispatch.queue.grant_slots([Slot(RUN, a_machine(held))])
    with pytest.raises(JobEnded, match="i-1"):
        dispatch()
    assert (dispatch.machines.sent, dispatch.job) == ([], a_job())


def test_an_attempt_that_a_later_one_has_replaced_gets_no_command() -> None:
    dispatch = Dispatch("c-1", status=JobStatus.RUNNING, attempts=2, instance_id="i-2", command_id="c-2")
    with pytest.raises(JobEnded, match="attempt 1 is over"):
        dispatch()
    assert dispatch.machines.sent == []


def test_a_run_that_another_one_followed_gets_no_command() -> None:
    dispatch = Dispatch("c-1", run=2)
    with pytest.raises(JobEnded, match="run 1"):
        dispatch()


def test_the_command_carries_urls_and_hashes_and_nothing_that_a_user_wrote() -> None:
    text, name = "$(reboot) `id` ' \" \n PYTHON", '\'; rm -rf "$HOME" #.txt'
    dispatch = Dispatch("c-1", input_text=text, filename=name)
    assert dispatch() == "c-1"
    ((_, script, timeout),) = dispatch.machines.sent
    assert timeout == 660
    assert text not in script
    assert name not in script
    first, *rest = script.splitlines()
    words = shlex.split(first)
    assert words[:3] == ["exec", "python3", "-"]
    assert words[3:] == ["https://s3.test/payload?900", SHA, "https://s3.test/spec?900", words[6], "<<PYTHON"]
    assert rest == ["print('hello')", "PYTHON"]


def test_the_spec_has_what_the_attempt_needs_under_the_hash_that_the_command_names() -> None:
    dispatch = Dispatch("c-1", input_text="\N{PARTY POPPER}")
    dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1", attempt=3))])
    dispatch(attempt=3)
    body = dispatch.files.specs[f"specs/alice/{JOB_ID}/3.json"]
    spec = json.loads(body)
    assert spec["text"] == "\N{PARTY POPPER}"
    assert (spec["version"], spec["attempt"], spec["timeout_s"], spec["command"]) == (1, 3, 600, ["./script.py"])
    assert spec["input"] == {"url": "https://s3.test/900?input", "size": 3}
    assert hashlib.sha256(body).hexdigest() in dispatch.machines.sent[0][1]


def test_a_jobs_own_time_out_takes_the_place_of_the_stacks_and_the_upload_lasts_as_long() -> None:
    dispatch = Dispatch("c-1", overrides=Overrides(timeout_minutes=90), output_suffix=".html")
    dispatch()
    spec = json.loads(dispatch.files.specs[f"specs/alice/{JOB_ID}/1.json"])
    assert spec["timeout_s"] == 5400
    assert spec["output"]["url"] == "https://s3.test/5460?output"
    assert spec["output"]["suffix"] == ".html"
    ((_, _, timeout),) = dispatch.machines.sent
    assert timeout == 5460


def test_what_a_command_names_can_be_fetched_until_a_machine_has_booted_and_a_few_minutes_more() -> None:
    dispatch = Dispatch("c-1", overrides=Overrides(timeout_minutes=90))
    dispatch.step = replace(dispatch.step, boot_timeout=120)
    dispatch()
    ((_, script, _),) = dispatch.machines.sent
    spec = json.loads(dispatch.files.specs[f"specs/alice/{JOB_ID}/1.json"])
    assert (spec["input"]["url"], "payload?720" in script, "spec?720" in script) == (
        "https://s3.test/720?input",
        True,
        True,
    )


def test_a_repeated_dispatch_sends_no_second_command() -> None:
    dispatch = Dispatch("c-1")
    assert [dispatch() for _ in range(2)] == ["c-1", "c-1"]
    assert len(dispatch.machines.sent) == 1
    assert dispatch.events == ["launched", "running"]


def test_a_result_that_could_not_be_stored_is_stored_by_a_command_of_its_own_under_a_fresh_url() -> None:
    dispatch = Dispatch("c-1", "c-2")
    dispatch()
    dispatch.step = replace(dispatch.step, payload_sha256="b" * 64)  # upgraded meanwhile
    assert [dispatch(stored_after="c-1") for _ in range(2)] == ["c-2", "c-2"]
    scripts = [script.splitlines()[0] for _, script, _ in dispatch.machines.sent]
    assert ["--upload-only" in shlex.split(script) for script in scripts] == [False, True]
    assert (dispatch.job.command_id, dispatch.events[-1]) == ("c-2", "storing_again")
    assert dispatch.job.program == Program(SHA, ("./script.py",)), "the result is what the first one made"


def test_a_machine_about_to_be_online_is_waited_for() -> None:
    dispatch = Dispatch(NOT_YET, NOT_YET, "c-1")
    assert dispatch() == "c-1"
    assert dispatch.waits == [0.1, 0.2]


def test_a_machine_that_takes_long_to_be_online_is_asked_once_a_try() -> None:
    dispatch = Dispatch(NOT_YET, "c-1")
    with pytest.raises(AgentNotOnline):
        dispatch(retries=1)
    assert dispatch(retries=2) == "c-1"
    assert dispatch.waits == []


def test_a_machine_that_stays_offline_is_handed_back_to_the_workflow() -> None:
    dispatch = Dispatch(NOT_YET, NOT_YET, NOT_YET)
    with pytest.raises(AgentNotOnline):
        dispatch()


@pytest.mark.parametrize("state", ["shutting-down", "terminated", "stopping", "stopped"])
def test_a_machine_that_ended_before_it_was_online_is_not_waited_for(state: str) -> None:
    dispatch = Dispatch(*[NOT_YET] * 6)
    dispatch.machines.states["i-1"] = state
    with pytest.raises(AgentNotOnline):
        dispatch()
    dispatch.machine_table.report("i-1", f"EC2 Instance State-change Notification: {state}")
    with pytest.raises(MachineLost, match="i-1"):
        dispatch()


@pytest.mark.parametrize("state", ["pending", "running", None])
def test_news_of_a_machine_that_lives_is_no_reason_to_give_it_up(state: str | None) -> None:
    dispatch = Dispatch(*[NOT_YET] * 6)
    with pytest.raises(AgentNotOnline):
        dispatch()
    dispatch.machine_table.report("i-1", "EC2 Spot Instance Interruption Warning: terminate")
    if state:
        dispatch.machines.states["i-1"] = state
    with pytest.raises(AgentNotOnline):
        dispatch()


def test_ec2_is_not_asked_about_a_machine_that_there_is_no_news_of(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch = Dispatch(NOT_YET, NOT_YET, NOT_YET)
    asked: list[str] = []
    monkeypatch.setattr(dispatch.machines, "instance_state", asked.append)
    with pytest.raises(AgentNotOnline):
        dispatch()
    assert asked == []


def test_a_cancelled_job_gets_no_command() -> None:
    dispatch = Dispatch("c-1", status=JobStatus.CANCELLED)
    with pytest.raises(JobEnded):
        dispatch()
    assert dispatch.machines.sent == []


def test_a_job_cancelled_while_its_command_was_sent_stays_cancelled() -> None:
    dispatch = Dispatch("c-1")

    def cancel(seconds: float) -> None:
        dispatch.jobs.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))

    dispatch.machines.sends = [NOT_YET, "c-1"]
    object.__setattr__(dispatch.step, "sleep", cancel)
    with pytest.raises(JobEnded):
        dispatch()
    assert (dispatch.job.status, dispatch.job.command_id) == (JobStatus.CANCELLED, None)


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


def await_step() -> tuple[AwaitStep, FakeWorkflow]:
    table, workflow = FakeMachineTable(), FakeWorkflow()
    table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    return AwaitStep(table, workflow), workflow


def test_news_wakes_the_workflow_that_waits() -> None:
    step, flow = await_step()
    step.store_token("i-1", "token")
    assert flow.woken == []
    assert step.report("i-1", "Success")
    assert flow.woken == ["token"]


def test_news_that_came_before_the_wait_ends_it_at_once() -> None:
    step, flow = await_step()
    step.report("i-1", "Success")
    step.store_token("i-1", "token")
    assert flow.woken == ["token"]


def test_old_news_does_not_end_the_next_wait() -> None:
    step, flow = await_step()
    step.report("i-1", "warning")
    step.store_token("i-1", "first")
    step.store_token("i-1", "second")
    assert flow.woken == ["first"]


def test_news_about_somebody_elses_machine_is_nobodys_business() -> None:
    step, flow = await_step()
    assert not step.report("i-other", "terminated")
    assert flow.woken == []


def inspect_step(state: CommandState | None, instance: str | None, **job: object) -> InspectStep:
    machines = FakeMachines(commands={"c-1": state} if state else {}, states={"i-1": instance} if instance else {})
    return InspectStep(FakeJobTable.of(a_job(**{**LAUNCHED, "status": JobStatus.RUNNING, **job})), machines, 600)


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


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Delayed", None])
@pytest.mark.parametrize(
    ("instance", "verdict"),
    [("pending", "running"), ("running", "running"), ("shutting-down", "lost"), ("terminated", "lost"), (None, "lost")],
)
def test_a_command_that_is_not_over_runs_as_long_as_its_machine(
    status: str | None, instance: str | None, verdict: str
) -> None:
    state = CommandState(status, -1, None) if status else None
    assert inspect_step(state, instance).inspect(RUN, "i-1", "c-1").verdict == verdict


# What the agent answers for a process that a signal ended: the shell's code, or Go's ExitStatus where the shell was
# replaced by it (amazon-ssm-agent agent/executers/executers.go; seen, docs/ssm-agent.md).
@pytest.mark.parametrize("exit_code", [143, -1])
@pytest.mark.parametrize(("instance", "verdict"), [("shutting-down", "lost"), ("running", "finished")])
def test_a_command_stopped_by_a_signal_is_the_machines_end_if_that_is_going_down(
    exit_code: int, instance: str, verdict: str
) -> None:
    state = CommandState("Failed", exit_code, None)
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


def test_a_command_that_timed_out_on_a_machine_that_is_gone_is_the_machines_end() -> None:
    state = CommandState("TimedOut", -1, None)
    assert inspect_step(state, "terminated").inspect(RUN, "i-1", "c-1").verdict == "lost"


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


def test_inspecting_a_cancelled_job_ends_its_workflow() -> None:
    with pytest.raises(JobEnded):
        inspect_step(None, "running", status=JobStatus.CANCELLED).inspect(RUN, "i-1", "c-1")


def test_inspecting_a_run_that_another_one_followed_ends_its_workflow() -> None:
    with pytest.raises(JobEnded):
        inspect_step(None, "running", run=2).inspect(Run("alice", JOB_ID, 1), "i-1", "c-1")


def test_a_lost_machine_is_noted_once_however_often_it_is_looked_for() -> None:
    step = inspect_step(None, "terminated")
    for _ in range(2):
        step.inspect(RUN, "i-1", "c-1")
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert [event.event for event in job.timeline] == ["machine_lost"]


def test_the_command_of_a_machine_from_the_pool_waits_for_it_to_come_up() -> None:
    dispatch = Dispatch("c-1")
    dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1", prepared_at="2026-01-31T08:00:00.000Z"))])
    dispatch()
    assert dispatch.machines.patience == [300]
    assert [event.detail for event in dispatch.job.timeline] == [
        "i-1: t4g.small, spot, in eu-central-1b, from the pool.",
        "i-1 starts and takes its command once it is up.",
    ]


def test_a_new_machines_command_is_for_one_that_is_online() -> None:
    dispatch = Dispatch("c-1")
    dispatch()
    assert dispatch.machines.patience == [None]


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
