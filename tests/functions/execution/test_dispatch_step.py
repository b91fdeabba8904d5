from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.execution.dispatch_step import BootWait, DispatchStep
from functions.execution.machine_command import machine_command
from functions.execution.ports import MachineAssignment
from functions.jobs import clock
from functions.jobs.errors import AgentNotOnline, JobEnded, MachineBooting, MachineLost
from functions.jobs.job import Job, JobStatus, Overrides, Program
from functions.scheduling.ports import Slot
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.tables import new_machine_table

SHA = "a" * 64
INPUT = f"https://s3.test/uploads/inputs/alice/{JOB_ID}/a%20b.txt"
NOT_YET = AgentNotOnline("not yet")
ONLINE_AT = datetime(2026, 1, 31, 9, 15, 23, tzinfo=UTC)
FIRST_CALL = BootWait(0, ONLINE_AT)


class Dispatch:
    """The Dispatch step for a job whose run holds a slot with machine `i-1`."""

    def __init__(self, *sends: str | Exception, **job: object) -> None:
        self.jobs, self.machine_table = MemoryJobTable(a_job(**job)), new_machine_table()
        self.queue = self.jobs.beside(DynamoSchedulingTable)
        self.machines, self.files, self.waits = FakeMachines(sends=list(sends)), MemoryJobFiles(), list[float]()
        self.queue.grant_slots([Slot(RUN, a_machine("i-1", attempt=1))])
        self.step = DispatchStep(
            jobs=self.jobs,
            queue=self.queue,
            reader=self.jobs.beside(DynamoRunReader),
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
        self, attempt: int = 1, instance_id: str = "i-1", stored_after: str | None = None, wait: BootWait = FIRST_CALL
    ) -> str:
        return self.step.dispatch(RUN, attempt, instance_id, wait, stored_after)

    @property
    def job(self) -> Job:
        return self.jobs.only

    @property
    def events(self) -> list[str]:
        return [event.event for event in self.job.timeline]


def test_a_machine_gets_its_jobs_tags_with_its_command() -> None:
    dispatch = Dispatch(NOT_YET, "c-1")
    dispatch()
    assert dispatch.machines.tagged == {
        "i-1": {
            "Name": f"mayfly dev {JOB_ID}",
            "mayfly:owner": "alice",
            "mayfly:job-id": JOB_ID,
            "mayfly:attempt": "1",
        }
    }
    booting = Dispatch(NOT_YET, NOT_YET, NOT_YET)
    with pytest.raises(MachineBooting):
        booting()
    assert booting.machines.tagged == {}, "EC2 may not know it yet"
    booting.machines.sends = [NOT_YET]
    with pytest.raises(AgentNotOnline):
        booting(wait=BootWait(20, ONLINE_AT))
    assert booting.machines.tagged["i-1"]["mayfly:job-id"] == JOB_ID, "whose it is shows even if it is never online"


def test_a_machine_that_cannot_be_tagged_gets_its_command() -> None:
    dispatch = Dispatch("c-1")
    dispatch.machines.untagged = 1
    assert dispatch() == "c-1"
    assert dispatch.machines.tagged == {}


def test_the_machine_of_the_slot_is_entered_into_the_job_with_its_receipt() -> None:
    dispatch = Dispatch("c-1")
    assert dispatch() == "c-1"
    job = dispatch.job
    assert (job.status, job.attempts, job.instance_id, job.command_id) == (JobStatus.RUNNING, 1, "i-1", "c-1")
    assert job.machines == (a_machine("i-1", attempt=1, commands=("c-1",)),)
    assert dispatch.machine_table.store_token("i-1", "t").machine == MachineAssignment("i-1", "alice", JOB_ID, 1)
    assert dispatch.events == ["launched", "running"]
    assert job.timeline[0].detail == "i-1: t4g.small, spot, in eu-central-1b."
    assert dispatch.machines.delivery_timeouts == [None], "it is online"


def test_a_machine_is_the_jobs_even_before_it_is_online() -> None:
    dispatch = Dispatch(NOT_YET, NOT_YET, NOT_YET)
    with pytest.raises(MachineBooting):
        dispatch()
    assert (dispatch.job.status, dispatch.job.instance_id) == (JobStatus.LAUNCHING, "i-1")
    assert dispatch.machine_table.report("i-1", "event"), "an event about it must find it"


def test_the_next_attempts_machine_takes_the_place_of_the_lost_one() -> None:
    dispatch = Dispatch("c-2", status=JobStatus.RUNNING, attempts=1, instance_id="i-0", command_id="c-1")
    dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1", attempt=2))])
    assert dispatch(attempt=2) == "c-2"
    job = dispatch.job
    assert (job.status, job.attempts, job.instance_id, job.command_id) == (JobStatus.RUNNING, 2, "i-1", "c-2")
    assert list(dispatch.files.s3.objects) == [f"artifacts/specs/alice/{JOB_ID}/2.json"]


@pytest.mark.parametrize("held", ["i-2", None])
def test_a_machine_that_does_not_hold_the_slot_any_more_gets_no_command(held: str | None) -> None:
    dispatch = Dispatch("c-1")
    dispatch.queue.release_slot(RUN, "i-1")
    if held:
        dispatch.queue.grant_slots([Slot(RUN, a_machine(held))])
    with pytest.raises(JobEnded, match="i-1"):
        dispatch()
    assert (dispatch.machines.sent, dispatch.job) == ([], a_job())


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-2", "command_id": "c-2"}, "attempt 1 is over"),
        ({"run": 2}, "run 1"),
        ({"status": JobStatus.CANCELLED}, "cancelled"),
    ],
)
def test_a_run_or_an_attempt_that_is_over_gets_no_command(facts: dict[str, object], reason: str) -> None:
    dispatch = Dispatch("c-1", **facts)
    with pytest.raises(JobEnded, match=reason):
        dispatch()
    assert dispatch.machines.sent == []


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
    assert words[:4] == ["exec", "python3", "-IS", "-"]
    spec = f"https://s3.test/artifacts/specs/alice/{JOB_ID}/1.json?expires=900&signature=1"
    assert words[4:] == ["https://s3.test/artifacts/payload?expires=900&signature=1", SHA, spec, words[7], "<<PYTHON"]
    assert rest == ["print('hello')", "PYTHON"]


def test_the_spec_has_what_the_attempt_needs_under_the_hash_that_the_command_names() -> None:
    dispatch = Dispatch("c-1", input_text="\N{PARTY POPPER}")
    dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1", attempt=3))])
    dispatch(attempt=3)
    body = dispatch.files.s3.objects[f"artifacts/specs/alice/{JOB_ID}/3.json"]
    spec = json.loads(body)
    assert spec["text"] == "\N{PARTY POPPER}"
    assert (spec["version"], spec["attempt"], spec["timeout_s"], spec["command"]) == (1, 3, 600, ["./script.py"])
    assert spec["input"] == {"url": f"{INPUT}?expires=900&signature=1", "size": 3}
    assert hashlib.sha256(body).hexdigest() in dispatch.machines.sent[0][1]


def test_a_jobs_own_time_out_takes_the_place_of_the_stacks_and_the_upload_lasts_as_long() -> None:
    dispatch = Dispatch("c-1", overrides=Overrides(timeout_minutes=90), output_suffix=".html")
    dispatch()
    spec = json.loads(dispatch.files.s3.objects[f"artifacts/specs/alice/{JOB_ID}/1.json"])
    assert spec["timeout_s"] == 5400
    assert spec["output"]["url"].endswith(f"/{JOB_ID}/1/a%20b.txt.html?expires=5460&signature=1")
    assert spec["output"]["suffix"] == ".html"
    ((_, _, timeout),) = dispatch.machines.sent
    assert timeout == 5460


def test_what_a_command_names_can_be_fetched_until_a_machine_has_booted_and_a_few_minutes_more() -> None:
    dispatch = Dispatch("c-1", overrides=Overrides(timeout_minutes=90))
    dispatch.step = replace(dispatch.step, boot_timeout=120)
    dispatch()
    ((_, script, _),) = dispatch.machines.sent
    spec = json.loads(dispatch.files.s3.objects[f"artifacts/specs/alice/{JOB_ID}/1.json"])
    assert (spec["input"]["url"], "payload?expires=720" in script, "1.json?expires=720" in script) == (
        f"{INPUT}?expires=720&signature=1",
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


class Booting:
    """A machine that was launched at `launched`, on a clock that only pauses move."""

    def __init__(self, patch: pytest.MonkeyPatch, *sends: str | Exception, age: float, online_at: float | None) -> None:
        self.launched = datetime(2026, 1, 31, 9, 15, 3, tzinfo=UTC)
        self.moment = self.launched + timedelta(seconds=age)
        patch.setattr(clock, "utc_now", lambda: self.moment)
        self.dispatch = Dispatch(*sends)
        self.dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1"), self.at(online_at) if online_at else None)])
        self.dispatch.step = replace(self.dispatch.step, sleep=self.pass_time)

    @property
    def learned(self) -> Mapping[str, float]:
        lease = self.dispatch.queue.acquire_lease("any")
        assert lease
        return lease.boots

    def at(self, age: float) -> str:
        return clock.rfc3339(self.launched + timedelta(seconds=age))

    def wait(self, poll_seconds: float, online_at: float) -> BootWait:
        return BootWait(poll_seconds, self.launched + timedelta(seconds=online_at))

    def pass_time(self, seconds: float) -> None:
        self.dispatch.waits.append(seconds)
        self.moment += timedelta(seconds=seconds)


def test_a_machine_that_is_known_to_boot_for_long_is_not_asked_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Booting(monkeypatch, age=2, online_at=20)
    with pytest.raises(MachineBooting):
        boot.dispatch(wait=boot.wait(0, 20))
    assert (boot.dispatch.machines.sent, boot.dispatch.waits) == ([], [])
    assert boot.dispatch.job.status is JobStatus.LAUNCHING, "its owner sees that there is a machine"


def test_a_machine_that_is_expected_at_any_moment_is_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Booting(monkeypatch, NOT_YET, NOT_YET, "c-1", age=20, online_at=20)
    assert boot.dispatch(wait=boot.wait(20, 20)) == "c-1"
    assert boot.dispatch.waits == [0.8, 0.8]


def test_the_later_a_machine_is_the_longer_are_the_pauses_and_in_the_end_the_workflow_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boot = Booting(monkeypatch, *[NOT_YET] * 99, age=20, online_at=20)
    with pytest.raises(AgentNotOnline):
        boot.dispatch(wait=boot.wait(20, 20))
    waits = boot.dispatch.waits
    assert waits == sorted(waits)
    assert waits[-1] == 3
    assert 17 < sum(waits) <= 20


def test_no_wait_goes_beyond_the_time_that_a_boot_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Booting(monkeypatch, *[NOT_YET] * 99, age=295, online_at=20)
    with pytest.raises(AgentNotOnline):
        boot.dispatch(wait=boot.wait(20, 20))
    assert sum(boot.dispatch.waits) < 5


def test_the_first_machine_of_a_type_is_taken_to_boot_as_machines_do(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Booting(monkeypatch, *[NOT_YET] * 3, age=2, online_at=None)
    with pytest.raises(MachineBooting):
        boot.dispatch(wait=boot.wait(0, 20))
    assert boot.learned == {"t4g.small": 20}


@pytest.mark.parametrize(
    ("sends", "age", "expected", "learned"),
    [
        ((NOT_YET, "c-1"), 20.0, 20, {}),
        ((NOT_YET, "c-1"), 23.0, 20, {"t4g.small": 23}),
        ((NOT_YET, "c-1"), 250.0, 20, {"t4g.small": 25}),
        (("c-1",), 20.1, 20, {"t4g.small": 19}),
    ],
    ids=["as expected", "later", "much later", "perhaps long ago"],
)
def test_each_boot_teaches_when_to_expect_the_next(
    monkeypatch: pytest.MonkeyPatch,
    sends: tuple[str | Exception, ...],
    age: float,
    expected: float,
    learned: dict[str, float],
) -> None:
    boot = Booting(monkeypatch, *sends, age=age, online_at=expected)
    boot.dispatch(wait=boot.wait(20, expected))
    assert boot.learned == pytest.approx(learned)


def test_a_first_try_that_comes_late_says_little_of_the_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Booting(monkeypatch, "c-1", age=1_500, online_at=None)
    boot.dispatch(wait=boot.wait(0, 20))
    assert boot.learned == {"t4g.small": 20}


def test_storing_again_teaches_nothing_of_the_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = Booting(monkeypatch, "c-1", "c-2", age=20, online_at=20)
    boot.dispatch(wait=boot.wait(20, 20))
    boot.dispatch.queue.note_boot("t4g.small", 7)
    boot.pass_time(21_600)
    boot.dispatch(stored_after="c-1")
    assert boot.learned == {"t4g.small": 7}


@pytest.mark.parametrize("state", ["shutting-down", "terminated", "stopping", "stopped"])
def test_a_machine_that_ended_before_it_was_online_is_not_waited_for(state: str) -> None:
    dispatch = Dispatch(*[NOT_YET] * 6)
    dispatch.machines.states["i-1"] = state
    with pytest.raises(MachineBooting):
        dispatch()
    dispatch.machine_table.report("i-1", f"EC2 Instance State-change Notification: {state}")
    dispatch.machines.reasons["i-1"] = "Client.VolumeLimitExceeded"
    with pytest.raises(MachineLost, match=r"i-1 ended before it was online \(Client.VolumeLimitExceeded\)"):
        dispatch()


@pytest.mark.parametrize("state", ["pending", "running", None])
def test_an_event_of_a_machine_that_lives_is_no_reason_to_give_it_up(state: str | None) -> None:
    dispatch = Dispatch(*[NOT_YET] * 6)
    with pytest.raises(MachineBooting):
        dispatch()
    dispatch.machine_table.report("i-1", "EC2 Spot Instance Interruption Warning: terminate")
    if state:
        dispatch.machines.states["i-1"] = state
    with pytest.raises(MachineBooting):
        dispatch()


def test_ec2_is_not_asked_about_a_machine_without_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch = Dispatch(NOT_YET, NOT_YET, NOT_YET)
    asked: list[str] = []
    monkeypatch.setattr(dispatch.machines, "instance_state", asked.append)
    with pytest.raises(MachineBooting):
        dispatch()
    assert asked == []


def test_a_job_cancelled_while_its_command_was_sent_stays_cancelled() -> None:
    dispatch = Dispatch("c-1")

    def cancel(seconds: float) -> None:
        dispatch.jobs.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))

    dispatch.machines.sends = [NOT_YET, "c-1"]
    object.__setattr__(dispatch.step, "sleep", cancel)
    with pytest.raises(JobEnded):
        dispatch()
    assert (dispatch.job.status, dispatch.job.command_id) == (JobStatus.CANCELLED, None)
    assert dispatch.job.machines[0].commands == ("c-1",), "its log is deleted with the job"


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


def test_the_command_of_a_machine_from_the_pool_waits_for_it_to_come_up() -> None:
    dispatch = Dispatch("c-1")
    dispatch.queue.grant_slots([Slot(RUN, a_machine("i-1", prepared_at="2026-01-31T08:00:00.000Z"))])
    dispatch()
    assert dispatch.machines.delivery_timeouts == [300]
    assert [event.detail for event in dispatch.job.timeline] == [
        "i-1: t4g.small, spot, in eu-central-1b, from the pool.",
        "i-1 starts and takes its command once it is up.",
    ]
