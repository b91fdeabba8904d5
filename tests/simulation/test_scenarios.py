"""A few stories, each with one thing that goes wrong, told from beginning to end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from functions.jobs.job import Job, MachineReceipt
from simulation.faults import (
    NO_FAULTS,
    CallFault,
    Congestion,
    Delivery,
    Faults,
    FunctionFault,
    MachineFault,
    MachineFaultKind,
)
from simulation.handlers import FUNCTIONS
from simulation.lambdas import Answer, ignored
from simulation.payload import Script
from simulation.quotas import Quota
from simulation.s3 import OUTPUTS
from simulation.stack import Stack
from simulation.world import World, job_id
from tests.simulation.workflow import definition

HOUR = 3600.0


class Story(World):
    """A world whose jobs are all alike, and in which nothing may be broken at the end."""

    def submit_all(self, count: int, script: Script | None = None, requested_type: str | None = None) -> None:
        for number in range(count):
            self.submit(number, b"given", "text", script or Script(60), ignored, requested_type)

    def the(self, number: int) -> Job:
        job = self.job(number)
        assert job is not None
        return job

    def error_of(self, number: int) -> str | None:
        error = self.the(number).error
        return error.code if error else None

    def words(self, number: int) -> list[str]:
        return [event.event for event in self.the(number).timeline]

    @property
    def statuses(self) -> list[str]:
        return [job.status.value for job in self.ports.records.jobs.values()]

    @property
    def launched(self) -> int:
        return len(self.ports.ec2.instances)

    def called(self, action: str) -> int:
        return self.calls.by_action()[action]

    def steps(self, *functions: str) -> tuple[int, ...]:
        """How often each of these functions ran."""
        return tuple(self.lambdas.invoked[function] for function in functions)


@contextmanager
def a_story(
    faults: Faults = NO_FAULTS, *, seed: int = 0, max_attempts: int = 3, timeout_minutes: int = 60, **stack: Any
) -> Iterator[Story]:
    workflow = definition(max_attempts, longest_timeout_minutes=timeout_minutes)
    with Story(Stack(**stack), workflow, seed=seed, faults=faults) as story:
        yield story
        assert story.run_to_rest(HOUR), list(story.unrest())
        assert story.invariants.problems == []


def age_between(machine: MachineReceipt) -> float:
    """How old a machine got, in seconds."""
    ended = datetime.fromisoformat(machine.terminated_at or machine.launched_at)
    return (ended - datetime.fromisoformat(machine.launched_at)).total_seconds()


def function_faults(*faults: tuple[str, int, int, CallFault]) -> Faults:
    return Faults(functions=tuple(FunctionFault(*fault) for fault in faults))


def test_a_job_gets_its_machine_its_result_and_its_end() -> None:
    with a_story() as story:
        story.submit_all(1, Script(20))
        story.run(300)
        assert story.words(0) == [
            "queued",
            "launched",
            "running",
            "output_uploaded",
            "succeeded",
            "machine_terminated",
        ]
        path = story.the(0).output_file_path
        assert path
        assert story.ports.s3.objects[path] == b"given\ntext"
        assert (story.launched, story.called("ec2:RunInstances"), len(story.ports.ssm.commands)) == (1, 1, 1)
        assert story.ports.step_functions.transitions < 40
        assert story.steps("inspect", "record", "terminate") == (0, 1, 0), "one step finishes a run that an event ends"


def test_a_script_that_fails_stores_nothing_and_fails_its_job() -> None:
    with a_story() as story:
        story.submit_all(1, Script(20, fails=True))
        story.run(300)
        assert (story.error_of(0), story.launched) == ("script_failed", 1)
        assert not any(path.startswith(f"{OUTPUTS}/") for path in story.ports.s3.objects)


def test_a_job_of_which_no_event_is_heard_is_looked_at_and_ended_step_by_step() -> None:
    with a_story(Faults(events=dict.fromkeys(range(20), Delivery.LOST))) as story:
        story.submit_all(1)
        story.run(600)
        assert (story.statuses, story.launched) == (["succeeded"], 1)
        assert story.steps("record", "terminate") == (1, 1)
        assert story.lambdas.invoked["inspect"] >= 1


def test_machines_that_end_faster_than_ec2_takes_calls_are_all_ended() -> None:
    with a_story(max_concurrent=6, quotas={"ec2:TerminateInstances": Quota(burst=1, per_second=0.1)}) as story:
        story.submit_all(6)
        story.run(600)
        assert story.statuses == ["succeeded"] * 6
        assert story.lambdas.invoked["terminate"] >= 1, "Finish leaves it to the step for it"


def test_one_slot_serves_all_by_their_wait_and_one_machine_at_a_time() -> None:
    since: dict[str, str] = {}
    with a_story(max_concurrent=1) as story:
        story.ports.records.on_enqueue.append(lambda entry: since.update({entry.run.name: entry.since}))
        story.submit_all(6)
        most = 0
        while not story.is_at_rest():
            story.run(5)
            most = max(most, len(story.ports.ec2.unended))
        assert story.statuses == ["succeeded"] * 6
        assert (most, story.launched) == (1, 6)
        assert story.invariants.starved < 5
        waiting = [name for name in story.invariants.grants if name != story.invariants.grants[0]]
        assert waiting == sorted(waiting, key=lambda name: (since[name], name)), "the first one had its machine at once"


@pytest.mark.parametrize("newcomer", [0, 99])
@pytest.mark.parametrize("owners", [("alice",), ("alice", "bob")])
def test_a_newcomers_job_waits_for_two_jobs_at_most_whatever_others_have_in_line(
    owners: tuple[str, ...], newcomer: int
) -> None:
    """Be its id, which is as old as the request for its upload, older than all of theirs or younger."""
    with a_story(max_concurrent=2) as story:
        for number in range(1, 31):
            owner = owners[number % len(owners)]
            story.submit(number, b"given", "text", Script(60), ignored, owner=owner)
        story.run(150)
        story.submit(newcomer, b"given", "text", Script(60), ignored, owner="carol")
        story.run(1_800)
        job = story.the(newcomer)
        submitted, launched = (datetime.fromisoformat(event.at) for event in job.timeline if event.event in _WAIT)
        longest = max(age_between(machine) for number in range(1, 31) for machine in story.the(number).machines)
        assert (launched - submitted).total_seconds() <= 2 * longest
        waiting = [number for number in range(1, 31) if job_id(number) in story.invariants.grants[-15:]]
        assert len(waiting) == 15, "more than half of the others' jobs came after it"


_WAIT = {"queued", "launched"}


def test_owners_with_many_jobs_share_the_slots_whatever_the_order() -> None:
    with a_story(max_concurrent=4) as story:
        for number in range(12):
            story.submit(number, b"given", "text", Script(60), ignored, owner="alice")
        story.run(30)
        for number in range(12, 24):
            story.submit(number, b"given", "text", Script(60), ignored, owner="bob")
        story.run(250)  # alice's first four have ended
        records, shares = story.ports.records, []
        while {entry.run.owner for entry in records.entries.values()} == {"alice", "bob"}:
            shares.append([slot.run.owner for slot in records.slots.values()])
            story.run(1)
        assert len(shares) > 100
        assert max(share.count(owner) for share in shares for owner in ("alice", "bob")) == 2


def test_a_burst_is_launched_in_a_few_calls() -> None:
    with a_story(max_concurrent=50) as story:
        story.submit_all(50)
        story.run(300)
        assert story.launched == 50
        assert story.called("ec2:RunInstances") < 25


def test_an_interrupted_spot_machine_is_followed_by_an_on_demand_one() -> None:
    faults = Faults(machines={0: MachineFault(MachineFaultKind.DIES_AFTER_WARNING, 60)})
    with a_story(faults, markets=("spot", "on-demand")) as story:
        story.submit_all(1, Script(300))
    assert [machine.market for machine in story.the(0).machines] == ["spot", "on-demand"]
    assert story.statuses == ["succeeded"]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, for how many jobs in what stack; how many machines they take, and within how many seconds."""

    faults: Faults = NO_FAULTS
    jobs: int = 1
    machines: int = 1
    within: float = 600
    stack: Mapping[str, Any] = field(default_factory=dict)


def machine_fault(kind: MachineFaultKind, after: float = 0.0) -> Faults:
    return Faults(machines={0: MachineFault(kind, after)})


TROUBLES = {
    "a machine is lost": Trouble(machine_fault(MachineFaultKind.DIES, 60), machines=2),
    "a machine is never online": Trouble(machine_fault(MachineFaultKind.NEVER_ONLINE), machines=2, within=1_200),
    # As in https://github.com/CrowdStrike/aws-ssm-distributor/issues/59: Pending, and nothing else.
    "a machine does not take a command that could run for two days": Trouble(
        machine_fault(MachineFaultKind.TAKES_NO_COMMAND), machines=2, within=1_800, stack={"job_timeout": 40 * 3600}
    ),
    "EC2 has no capacity at first": Trouble(Faults(launches=("InsufficientInstanceCapacity",) * 4)),
    "EC2 itself fails, as in an outage of zones": Trouble(
        Faults(launches=("InternalError",) * 60), jobs=3, machines=3, within=1_800
    ),
    "launches are beyond the rate": Trouble(
        jobs=8, machines=8, within=1_800, stack={"quotas": {"ec2:RunInstances": Quota(burst=1, per_second=0.2)}}
    ),
    "the account has less room than slots": Trouble(jobs=4, machines=4, within=1_800, stack={"room": 1}),
    "a run is put into the queue twice": Trouble(
        function_faults(("launch", 1, 1, CallFault.SENT_TWICE)),
        jobs=2,
        machines=2,
        stack={"max_concurrent": 1, "sweep_every": 5.0},
    ),
    "Lambda has no room for the first call of any function": Trouble(
        function_faults(*((function, 0, 0, CallFault.BUSY) for function in FUNCTIONS)), within=1_200
    ),
    "Lambda has no room for any function for a while": Trouble(
        Faults(congestions=(Congestion(begins=20.0, seconds=40.0),)), jobs=3, machines=3, within=1_200
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_all_jobs_succeed_and_take_no_machine_more_than_they_need_although(trouble: Trouble) -> None:
    with a_story(trouble.faults, **trouble.stack) as story:
        story.submit_all(trouble.jobs)
        story.run(trouble.within)
        assert (story.statuses, story.launched) == (["succeeded"] * trouble.jobs, trouble.machines)
        assert story.ports.ec2.unended == []


def test_machines_that_ec2_does_not_know_for_a_while_are_used_and_ended_all_the_same() -> None:
    """In a machine's first minute every call on it is refused: in that, one is cancelled, and another one lost."""
    faults = Faults(invisible_for=60, machines={0: MachineFault(MachineFaultKind.DIES, 20)})
    first = f"i-{0:017x}"
    with a_story(faults, max_concurrent=10) as story:
        story.submit_all(4)
        story.run(30)
        loses, *others = sorted(range(4), key=lambda number: story.the(number).instance_id != first)
        assert story.the(loses).instance_id == first
        story.ask("cancel", others[0])
    ends = [story.the(number).status.value for number in (loses, *others)]
    assert ends == ["succeeded", "cancelled", "succeeded", "succeeded"]
    assert story.launched == 5
    assert story.ports.ec2.unended == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (MachineFault(MachineFaultKind.DIES, 60), "machine_lost"),
        (MachineFault(MachineFaultKind.NEVER_ONLINE), "boot_timeout"),
    ],
)
def test_machines_that_are_all_lost_are_the_reason_that_the_job_shows_and_it_can_be_tried_again(
    fault: MachineFault, code: str
) -> None:
    with a_story(Faults(machines={0: fault, 1: fault}), max_attempts=2) as story:
        story.submit_all(1)
        story.run(1200)
        assert (story.error_of(0), story.launched) == (code, 2)
        story.ask("retry", 0)
        story.run(600)
        machines = [(machine.run, machine.attempt) for machine in story.the(0).machines]
        assert (story.statuses, machines) == (["succeeded"], [(1, 1), (1, 2), (2, 3)])


def test_a_launch_that_is_refused_for_good_fails_the_job_at_once() -> None:
    with a_story(Faults(launches=("UnauthorizedOperation",) * 2)) as story:
        story.submit_all(1)
        story.run(60)
        assert (story.error_of(0), story.launched) == ("launch_refused", 0)
        assert story.ports.step_functions.running == []


@pytest.mark.parametrize(("expiries", "error", "commands"), [(1, None, 2), (9, "output_not_stored", 4)])
def test_a_result_that_came_too_late_is_stored_by_further_commands_a_few_times(
    expiries: int, error: str | None, commands: int
) -> None:
    with a_story() as story:
        story.submit_all(1, Script(60, expiries=expiries))
        story.run(1200)
        assert (story.error_of(0), story.launched) == (error, 1)
        assert len(story.ports.ssm.commands) == commands


def test_a_job_cancelled_in_the_queue_never_gets_a_machine() -> None:
    with a_story(max_concurrent=1) as story:
        story.submit_all(2)
        story.run(20)
        (waiting,) = story.ports.records.entries.values()
        number = next(number for number in range(2) if job_id(number) == waiting.run.job_id)
        story.ask("cancel", number)
        story.run(5)
        assert story.the(number).status == "cancelled"
        assert story.ports.step_functions.executions[waiting.run.name].status == "SUCCEEDED"
        story.run(600)
        assert story.launched == 1


@pytest.mark.parametrize(("seconds", "state"), [(3, "Launch"), (15, "Boot"), (40, "AwaitCompletion")])
@pytest.mark.parametrize("event", [None, Delivery.LOST])
def test_a_job_cancelled_on_its_way_leaves_nothing_behind(seconds: float, state: str, event: Delivery | None) -> None:
    with a_story(Faults(events=dict.fromkeys(range(20), event) if event else {})) as story:
        story.submit_all(1)
        story.run(seconds)
        (execution,) = story.ports.step_functions.running
        assert execution.state == state
        story.ask("cancel", 0)
        story.run(300)
        assert (story.statuses, story.launched <= 1) == (["cancelled"], True)
        assert story.ports.ec2.unended == []


def test_a_job_cancelled_at_work_loses_its_machine_and_succeeds_when_it_is_retried() -> None:
    with a_story() as story:
        story.submit_all(1)
        story.run(60)
        story.ask("cancel", 0)
        story.run(5)
        assert story.ports.ec2.alive == []
        answers: list[Answer] = []
        story.ask("retry", 0, answers.append)
        story.run(600)
        assert [answer.error for answer in answers] == [None]
        job = story.the(0)
        assert (job.status, job.run, job.attempts, story.launched) == ("succeeded", 2, 2, 2)


@pytest.mark.parametrize("call", range(14))
@pytest.mark.parametrize("call_fault", [CallFault.CRASH_BEFORE, CallFault.CRASH_AFTER])
def test_a_leader_that_dies_anywhere_costs_no_second_machine(call: int, call_fault: CallFault) -> None:
    with a_story(function_faults(("launch", 0, call, call_fault))) as story:
        story.submit_all(2)
        story.run(400)
        assert story.statuses == ["succeeded"] * 2
        assert story.launched == 2


def test_a_lost_record_is_made_up_for_by_the_sweeper() -> None:
    with a_story(Faults(records={0: Delivery.LOST})) as story:
        story.submit_all(1)
        story.run(120)
        assert story.launched == 0
        story.run(1200)
        assert story.statuses == ["succeeded"]


def test_an_aborted_workflow_ends_its_job_and_its_machine_at_once() -> None:
    with a_story() as story:
        story.submit_all(1)
        story.run(60)
        story.abort(0)
        story.run(10)
        job = story.the(0)
        assert job.error
        assert (job.error.code, story.ports.ec2.alive) == ("internal_error", [])


def test_what_ec2_has_none_of_holds_up_only_those_who_request_it() -> None:
    with a_story(max_concurrent=3, scarce=frozenset({"c7g.large"}), queue_timeout=600) as story:
        story.submit_all(3, requested_type="c7g.large")
        story.run(10)
        for number in range(3, 9):
            story.submit(number, b"given", "text", Script(60), ignored)
        story.run(450)
        assert story.statuses == ["queued"] * 3 + ["succeeded"] * 6
        story.run(600)
        assert [(job.error.code if job.error else None) for job in story.ports.records.jobs.values()] == [
            *["queue_timeout"] * 3,
            *[None] * 6,
        ]


def test_the_same_seed_tells_the_same_story() -> None:
    def told(seed: int) -> list[Any]:
        with a_story(seed=seed, max_concurrent=2) as story:
            story.submit_all(5)
            story.run(1200)
            return [story.calls.counted, [job.timeline for job in story.ports.records.jobs.values()]]

    assert told(1) == told(1)
    assert told(1) != told(2)


@pytest.mark.parametrize("seed", range(5))
def test_a_launch_call_that_its_workflow_gave_up_does_not_cut_the_run_off(seed: int) -> None:
    """It takes the run's queue entry after the step's next try has, with a token that is dead by then."""
    faults = function_faults(("launch", 1, 0, CallFault.GIVEN_UP), ("launch", 1, 0, CallFault.STALL))
    with a_story(faults, seed=seed, max_concurrent=1) as story:
        story.submit(0, b"given", "text", Script(120), ignored)
        story.run(20)
        story.submit(1, b"given", "text", Script(60), ignored)
        story.run(600)
        assert story.statuses == ["succeeded"] * 2


@pytest.mark.parametrize("call_fault", [None, CallFault.ANSWER_LOST, CallFault.GIVEN_UP])
def test_what_ended_is_counted_once_however_often_the_steps_run(call_fault: CallFault | None) -> None:
    steps = ("record", "release")
    faults = function_faults(*((step, 0, 0, call_fault) for step in steps)) if call_fault else NO_FAULTS
    with a_story(faults) as story:
        story.submit_all(2)
        story.run(30)
        story.ask("cancel", 1)
        story.run(600)
        counts = story.ports.metrics.counts
        assert (counts["Jobs", "succeeded"], counts["Jobs", "cancelled"], counts["MachineSeconds", None]) == (1, 1, 2)


def test_a_job_of_46_hours_lives_through_three_attempts_of_which_no_event_was_heard() -> None:
    """An execution ends at 25,000 events (Step Functions developer guide, "Quotas"); a look a minute was 26 hours."""
    minutes = 46 * 60
    lost = MachineFault(MachineFaultKind.DIES, 45 * HOUR)
    faults = Faults(machines={0: lost, 1: lost}, events=dict.fromkeys(range(1000), Delivery.LOST))
    limits = {"job_timeout": minutes * 60, "machine_deadline": (minutes + 50) * 60}
    with a_story(faults, timeout_minutes=minutes, **limits) as story:
        story.submit_all(1, Script(45.9 * HOUR))
        story.run(145 * HOUR)
        assert (story.the(0).status, story.launched) == ("succeeded", 3)
        (execution,) = story.ports.step_functions.executions.values()
        assert execution.status == "SUCCEEDED"
        assert 3_000 < execution.history < 6_000
        # What was lost was seen within an hour, and what was done within an hour as well.
        ends = [machine.terminated_at for machine in story.the(0).machines]
        assert None not in ends
        spans = [age_between(machine) for machine in story.the(0).machines]
        assert all(45 * HOUR <= span <= 47.5 * HOUR for span in spans), spans
