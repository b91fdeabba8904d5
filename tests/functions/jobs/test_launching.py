from __future__ import annotations

import pytest

from functions.jobs.errors import CapacityUnavailable, JobEnded, LaunchRefused, QuotaExceeded, StepError, Throttled
from functions.jobs.job import JobStatus
from functions.jobs.launching import Launching, candidates
from functions.jobs.ports import Candidate, LaunchedInstance, Machine, Refusal
from tests.functions.fakes import JOB_ID, FakeJobTable, FakeMachines, FakeMachineTable, a_job

FULL = Refusal("InsufficientInstanceCapacity", "no room", "capacity")
INSTANCE = LaunchedInstance("i-1", "eu-central-1b", "ami-1")


def launching(machines: FakeMachines, table: FakeJobTable | None = None) -> Launching:
    return Launching(
        jobs=table or FakeJobTable.of(a_job()),
        machine_table=FakeMachineTable(),
        machines=machines,
        candidates=candidates(["spot", "on-demand"], ["t4g.small"], ["subnet-a", "subnet-b"]),
        stack="dev",
    )


def registered(step: Launching) -> dict[str, Machine]:
    assert isinstance(step.machine_table, FakeMachineTable)
    return step.machine_table.machines


def test_candidates_go_through_markets_then_types_then_zones() -> None:
    assert candidates(["spot", "on-demand"], ["a", "b"], ["1", "2"])[:5] == [
        Candidate("a", "1", "spot"),
        Candidate("a", "2", "spot"),
        Candidate("b", "1", "spot"),
        Candidate("b", "2", "spot"),
        Candidate("a", "1", "on-demand"),
    ]


def test_a_launched_machine_is_registered_before_the_job_names_it() -> None:
    machines = FakeMachines(launches=[INSTANCE])
    step = launching(machines)
    assert step.launch("alice", JOB_ID, 1) == INSTANCE
    assert registered(step) == {"i-1": Machine("i-1", "alice", JOB_ID, 1)}
    job = step.jobs.get("alice", JOB_ID)
    assert job
    assert (job.status, job.attempts, job.instance_id) == (JobStatus.LAUNCHING, 1, "i-1")
    assert [event.event for event in job.timeline] == ["launching", "launched"]
    assert machines.asked[0][2]["mayfly:job-id"] == JOB_ID


def test_a_candidate_without_room_is_noted_and_the_next_one_asked_with_a_token_of_its_own() -> None:
    machines = FakeMachines(launches=[FULL, FULL, INSTANCE])
    step = launching(machines)
    step.launch("alice", JOB_ID, 2)
    tokens = [token for _, token, _ in machines.asked]
    assert tokens == [f"{JOB_ID}-2-0", f"{JOB_ID}-2-1", f"{JOB_ID}-2-2"]
    assert all(len(token) <= 64 for token in tokens), "EC2 takes client tokens of at most 64 characters"
    job = step.jobs.get("alice", JOB_ID)
    assert job
    refused = [event.detail for event in job.timeline if event.event == "launch_refused"]
    assert refused == [
        "t4g.small, spot, subnet-a: InsufficientInstanceCapacity.",
        "t4g.small, spot, subnet-b: InsufficientInstanceCapacity.",
    ]


@pytest.mark.parametrize(
    ("refusals", "error", "calls"),
    [
        ([FULL] * 4, CapacityUnavailable, 4),
        ([Refusal("VcpuLimitExceeded", "full", "quota")] * 4, QuotaExceeded, 4),
        ([Refusal("RequestLimitExceeded", "slow down", "throttled")], Throttled, 1),
        ([Refusal("UnauthorizedOperation", "no", "permanent")], LaunchRefused, 1),
    ],
)
def test_refusals_become_the_error_that_the_workflow_knows_what_to_do_with(
    refusals: list[LaunchedInstance | Refusal], error: type[StepError], calls: int
) -> None:
    machines = FakeMachines(launches=refusals)
    with pytest.raises(error, match=refusals[0].code if isinstance(refusals[0], Refusal) else ""):
        launching(machines).launch("alice", JOB_ID, 1)
    assert len(machines.asked) == calls


def test_repeating_the_step_asks_with_the_same_token_and_changes_nothing_more() -> None:
    machines = FakeMachines(launches=[INSTANCE, INSTANCE])
    step = launching(machines)
    step.launch("alice", JOB_ID, 1)
    once = step.jobs.get("alice", JOB_ID)
    step.launch("alice", JOB_ID, 1)
    assert machines.asked[0][1] == machines.asked[1][1]
    assert step.jobs.get("alice", JOB_ID) == once


def test_a_cancelled_job_gets_no_machine() -> None:
    machines = FakeMachines()
    with pytest.raises(JobEnded):
        launching(machines, FakeJobTable.of(a_job(status=JobStatus.CANCELLED))).launch("alice", JOB_ID, 1)
    assert machines.asked == []


def test_a_machine_launched_while_the_job_was_being_cancelled_is_still_registered() -> None:
    table = FakeJobTable.of(a_job())

    class CancelledMeanwhile(FakeMachines):
        def launch(self, candidate: Candidate, token: str, tags: dict[str, str]) -> LaunchedInstance | Refusal:
            table.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))
            return INSTANCE

    step = launching(CancelledMeanwhile(), table)
    with pytest.raises(JobEnded):
        step.launch("alice", JOB_ID, 1)
    assert "i-1" in registered(step), "Terminate and the events must be able to find it"


def test_an_attempt_that_a_later_one_has_replaced_does_not_launch() -> None:
    table = FakeJobTable.of(a_job(status=JobStatus.RUNNING, attempts=2))
    with pytest.raises(JobEnded, match="attempt 1 is over"):
        launching(FakeMachines(), table).launch("alice", JOB_ID, 1)
