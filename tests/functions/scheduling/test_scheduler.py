from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from functions.costs.budget import Spending, today
from functions.costs.pricing import Prices, job_cost
from functions.jobs import clock
from functions.jobs.errors import LeaseLost
from functions.jobs.job import JobStatus, Run
from functions.scheduling import scheduler
from functions.scheduling.ports import MAX_BATCH, Batch, BatchResult, Candidate, Refusal, Slot
from functions.scheduling.scheduler import candidates
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.scheduling.waiting_queue import DENIED, FULL, ONE, QUOTA, SPOT, THROTTLED, TWO, WaitingQueue

# Those who begin to wait at one moment come by their jobs' ids.
pytestmark = pytest.mark.usefixtures("stopped_clock")


def run(queue: WaitingQueue, leader: Run, seconds: float = 30) -> BatchResult:
    """One batch of a queued run that acquires the lease, which is released with the result."""
    lease = queue.lease(leader.name)
    result = queue.scheduler().run(lease, queue.entry(leader), clock.utc_now() + timedelta(seconds=seconds))
    queue.table.release_lease(lease, result)
    return result


def waiting(jobs: int, **facts: object) -> WaitingQueue:
    queue = WaitingQueue.of(jobs, **facts)
    queue.enqueue(*queue.runs)
    return queue


def test_candidates_go_through_markets_then_types_then_zones() -> None:
    assert candidates(["spot", "on-demand"], ["a", "b"], ["1", "2"])[:5] == [
        Candidate("a", "1", "spot"),
        Candidate("a", "2", "spot"),
        Candidate("b", "1", "spot"),
        Candidate("b", "2", "spot"),
        Candidate("a", "1", "on-demand"),
    ]


def test_a_slot_has_the_receipt_of_its_machine() -> None:
    queue = waiting(1)
    result = run(queue, queue.runs[0])
    assert result.own
    (launched,) = queue.machines.launched["batch-1"][1]
    assert result.own == Slot(
        queue.runs[0],
        a_machine("i-1", market="on-demand", launched_at=launched.launched_at),
    )


def test_a_batch_is_written_down_before_ec2_is_asked() -> None:
    queue = waiting(2)
    written: list[Batch | None] = []

    queue.machines.before = [lambda: written.append(queue.table.batch_under_way())] * 2
    queue.machines.answers = [FULL]
    queue.candidates = (ONE, TWO)
    run(queue, queue.runs[0])
    attempts = tuple((run, 1) for run in queue.runs)
    assert written == [Batch("batch-1", ONE, attempts), Batch("batch-2", TWO, attempts)]


def test_there_are_never_more_machines_than_slots_and_the_oldest_come_first() -> None:
    queue = waiting(5, max_concurrent=3)
    queue.table.grant_slots([Slot(Run("bob", "another job"), a_machine("i-0"))])
    result = run(queue, queue.runs[4])
    assert queue.counts == [2]
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["i-2"], [], [], []]
    assert (result.own, result.refusal) == (None, None)


@pytest.mark.parametrize("others", [["one"], ["one", "two", "three"]])  # maxConcurrentJobs was lowered while they ran
def test_ec2_is_not_asked_while_every_slot_is_taken(others: list[str]) -> None:
    queue = waiting(2, max_concurrent=1)
    queue.table.grant_slots([Slot(Run("bob", name), a_machine(name)) for name in others])
    assert run(queue, queue.runs[0]) == BatchResult(MAX_BATCH)
    assert queue.machines.asked == []


def test_who_gets_none_of_a_partial_launch_is_asked_for_again_at_once() -> None:
    queue = waiting(5)
    queue.machines.answers = [2, 1]
    run(queue, queue.runs[4])
    assert queue.counts == [5, 3, 2]
    assert len({call.token for call in queue.machines.asked}) == 3, "a token stands for one launch"
    assert [queue.notified(run) for run in queue.runs[:4]] == [["i-1"], ["i-2"], ["i-3"], ["i-4"]]
    assert len(queue.alive) == len(queue.table.slots()) == 5


def test_a_batch_is_never_larger_than_one_turn_can_hand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "MAX_BATCH", 20)
    queue = waiting(30)
    run(queue, queue.runs[-1])
    assert queue.counts == [20, 10]


def test_candidates_are_tried_in_order_and_what_refused_is_noted_for_all_who_waited() -> None:
    queue = waiting(2, candidates=(ONE, TWO))
    queue.machines.answers = [FULL]
    run(queue, queue.runs[0])
    assert [call.candidate for call in queue.machines.asked] == [ONE, TWO]
    noted = ["t4g.small, on-demand, subnet-a: InsufficientInstanceCapacity."]
    assert [queue.refusals(run) for run in queue.runs] == [noted, noted]


@pytest.mark.parametrize("refusal", [FULL, QUOTA])
def test_a_turn_ends_where_every_candidate_is_refused(refusal: Refusal) -> None:
    queue = waiting(3, candidates=(ONE, TWO))
    queue.machines.answers = [refusal, refusal]
    result = run(queue, queue.runs[1])
    assert (result.refusal, result.unfinished) == (refusal, None)
    assert queue.counts == [3, 3]
    assert all(len(queue.refusals(run)) == 2 for run in queue.runs)
    assert queue.flow.answers == [], "whom to tell is decided when the lease is given back"


def test_a_refusal_that_comes_back_every_minute_is_noted_once() -> None:
    queue = waiting(1)
    queue.machines.answers = [FULL, FULL]
    for _ in range(2):
        run(queue, queue.runs[0])
    assert len(queue.refusals(queue.runs[0])) == 1


def test_a_throttled_launch_asks_for_half_as_many_without_trying_another_candidate() -> None:
    queue = waiting(8, candidates=(ONE, TWO))
    queue.machines.answers = [THROTTLED, THROTTLED]
    run(queue, queue.runs[7])
    assert queue.counts == [8, 4, 2, 4, 2], "half and half again; then twice as many as went well"
    assert {call.candidate for call in queue.machines.asked} == {ONE}
    assert len(queue.alive) == 8


def test_throttling_is_noted_for_the_oldest_alone() -> None:
    queue = waiting(2)
    queue.machines.answers = [THROTTLED]
    run(queue, queue.runs[1])
    assert [len(queue.refusals(run)) for run in queue.runs] == [1, 0]


def test_what_stays_throttled_after_a_few_tries_is_left_to_the_workflow() -> None:
    queue = waiting(2, throttle_waits=(0.3, 0.6))
    queue.machines.answers = [THROTTLED] * 9
    result = run(queue, queue.runs[1])
    assert (queue.counts, queue.slept) == ([2, 1, 1, 1], [0.3, 0.6])
    assert (result.refusal, result.limit) == (THROTTLED, 1)


def test_the_next_turn_begins_with_the_limit_that_went_well() -> None:
    queue = waiting(4)
    queue.machines.answers = [THROTTLED, THROTTLED, THROTTLED]
    run(queue, queue.runs[0])
    run(queue, queue.runs[3])
    assert queue.counts[3:] == [1, 2, 1]


def test_a_limit_never_grows_beyond_a_batch() -> None:
    queue = waiting(2)
    queue.machines.answers = [1]
    assert run(queue, queue.runs[1]).limit == MAX_BATCH


def test_a_launch_that_aws_refuses_for_good_fails_the_whole_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "MAX_BATCH", 20)
    queue = waiting(21)
    queue.machines.answers = [DENIED, DENIED]
    result = run(queue, queue.runs[3])
    assert queue.table.oldest(9) == []
    assert all(queue.notified(run) == ["LaunchRefused"] for run in queue.runs)
    assert {answer.cause for answer in queue.flow.answers} == {"UnauthorizedOperation: you may not"}
    assert (result.refusal, result.own) == (None, None)


# What EC2 answers a first spot request that may not create spot's service-linked role (EC2 user guide, "Service-linked
# role for Spot Instance requests"; github-aws-runners/terraform-aws-github-runner#104).
NO_ROLE = Refusal("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "no role for spot", "permanent")


def test_a_market_that_is_refused_for_good_keeps_no_other_from_being_asked() -> None:
    queue = waiting(2, candidates=(SPOT, ONE))
    queue.machines.answers = [NO_ROLE, 2]
    result = run(queue, queue.runs[0])
    assert result.own is not None
    assert result.own.machine.market == "on-demand"
    assert queue.notified(queue.runs[1]) == ["i-2"]


def test_a_job_waits_as_long_as_not_everything_is_refused_for_good() -> None:
    queue = waiting(1, candidates=(SPOT, ONE))
    queue.machines.answers = [NO_ROLE, FULL]
    result = run(queue, queue.runs[0])
    assert result.refusal == FULL
    assert [entry.run for entry in queue.table.oldest(9)] == queue.runs


def test_a_job_that_everything_is_refused_for_good_is_told_all_the_reasons() -> None:
    queue = waiting(1, candidates=(SPOT, ONE, TWO))
    queue.machines.answers = [NO_ROLE, DENIED, DENIED]
    run(queue, queue.runs[0])
    assert queue.notified(queue.runs[0]) == ["LaunchRefused"]
    assert [answer.cause for answer in queue.flow.answers] == [f"{NO_ROLE}; {DENIED}"]


def test_what_is_refused_for_good_is_not_asked_for_again_after_a_moments_throttling() -> None:
    queue = waiting(1, candidates=(SPOT, ONE), throttle_waits=(0.5,))
    queue.machines.answers = [NO_ROLE, THROTTLED, 1]
    assert run(queue, queue.runs[0]).own is not None
    assert [asked.candidate.market for asked in queue.machines.asked] == ["spot", "on-demand", "on-demand"]


def test_a_launch_refused_for_good_is_not_asked_for_again_and_again_for_who_does_not_listen() -> None:
    queue = waiting(3)
    queue.machines.answers = [DENIED] * 50
    queue.flow.dead.add(queue.entry(queue.runs[1]).token)
    run(queue, queue.runs[0])
    assert len(queue.counts) <= 2
    assert [queue.notified(run) for run in queue.runs] == [["LaunchRefused"], [], ["LaunchRefused"]]
    assert [entry.run for entry in queue.table.oldest(9)] == [queue.runs[1]], "it hears when it comes again"


def test_every_machine_is_launched_with_its_stacks_and_its_batchs_tags() -> None:
    queue = waiting(2)
    run(queue, queue.runs[0])
    assert queue.machines.asked[0].tags == {"Name": "mayfly dev", "mayfly:stack": "dev", "mayfly:batch": "batch-1"}


def test_a_machine_of_a_run_that_was_cancelled_meanwhile_is_terminated() -> None:
    queue = waiting(2)
    queue.machines.before = [lambda: queue.queue.dequeue(queue.runs[1], "JobEnded", "cancelled on request")]
    run(queue, queue.runs[0])
    assert queue.machines.terminated == ["i-2"]
    assert queue.notified(queue.runs[1]) == ["JobEnded"]
    assert [slot.run for slot in queue.table.slots()] == [queue.runs[0]]


def test_a_machine_that_came_too_late_is_in_the_ledger_and_in_its_jobs_receipts_once() -> None:
    queue = waiting(2, spending=Spending(Prices({ONE.instance_type: {ONE.market: 36_000}})))
    late = queue.runs[1]
    queue.table.remove(late)
    for _ in range(2):  # the second holder repeats what the first did, as after a crash
        queue.die_while_launching(*queue.runs)
        run(queue, queue.runs[0])
    job = queue.jobs.get(late.owner, late.job_id)
    assert job
    (machine,) = job.machines
    assert (machine.instance_id, machine.terminated_at is not None) == ("i-2", True)
    assert [event.event for event in job.timeline].count("machine_not_needed") == 1
    cost = job_cost(job, clock.utc_now())
    assert cost
    ledger = queue.table.ledger(machine.launched_at[:10])
    assert (ledger.spent, ledger.machines) == ({late.owner: cost.micro_usd}, frozenset({"i-2"}))


def test_a_machine_that_ec2_does_not_know_yet_is_left_to_the_sweeper() -> None:
    queue = waiting(2, spending=Spending(Prices({ONE.instance_type: {ONE.market: 36_000}})))
    late = queue.runs[1]

    class UnknownYet(FakeMachines):
        def terminate(self, instance_id: str) -> str | None:
            super().terminate(instance_id)
            return None

    queue.machines = UnknownYet()
    queue.die_while_launching(*queue.runs)
    queue.table.remove(late)
    run(queue, queue.runs[0])
    assert queue.machines.terminated == ["i-2"]
    assert not queue.table.ledger(today()).machines, "the sweeper charges it when it ends it"
    assert queue.job(late).machines == ()


def test_a_boot_that_took_long_is_waited_for_no_longer_than_a_minute() -> None:
    queue = waiting(1)
    queue.table.note_boot(ONE.instance_type, 1_500)
    run(queue, queue.runs[0])
    assert queue.slot(queue.runs[0]).online_at == clock.rfc3339(clock.utc_now() + timedelta(seconds=60))


def test_a_machine_of_a_run_that_is_over_and_does_not_listen_is_terminated() -> None:
    queue = waiting(2)
    cancelled = queue.runs[1]
    queue.jobs.update(cancelled.owner, cancelled.job_id, lambda job: job.moved(JobStatus.CANCELLED))
    queue.flow.dead.add(queue.entry(cancelled).token)
    run(queue, queue.runs[0])
    assert queue.machines.terminated == ["i-2"]


def test_a_machine_of_a_deleted_job_is_terminated_and_the_others_get_theirs() -> None:
    queue = waiting(3, candidates=(ONE, TWO))
    queue.machines.answers = [FULL]
    deleted = queue.runs[0]
    queue.jobs.remove(deleted.owner, deleted.job_id)
    queue.flow.dead.add(queue.entry(deleted).token)
    run(queue, queue.runs[1])
    assert queue.machines.terminated == ["i-1"]
    assert queue.notified(queue.runs[2]) == ["i-3"]


def test_a_machine_of_a_run_between_two_tries_is_kept_for_its_next_one() -> None:
    queue = waiting(2)
    queue.flow.dead.add(queue.entry(queue.runs[1]).token)
    run(queue, queue.runs[0])
    assert queue.machines.terminated == []
    queue.launch(queue.runs[1])
    assert queue.notified(queue.runs[1]) == ["i-2"]
    assert queue.counts == [2]


def test_what_a_leader_left_unfinished_is_finished_with_the_same_call() -> None:
    queue = waiting(3)
    batch = queue.die_while_launching(*queue.runs[:2])
    run(queue, queue.runs[2])
    first, second = queue.machines.asked
    assert (first.token, first.count, first.candidate) == (batch.token, 2, ONE)
    assert second.count == 1
    assert [queue.notified(run) for run in queue.runs[:2]] == [["i-1"], ["i-2"]]
    assert len(queue.alive) == 3


def test_a_leader_that_finds_its_own_machine_in_an_unfinished_batch_has_what_it_came_for() -> None:
    queue = waiting(2)
    queue.die_while_launching(*queue.runs)
    result = run(queue, queue.runs[1])
    assert result.own
    assert result.own.machine.instance_id == "i-2"
    assert queue.counts == [2]


def test_a_machine_that_was_handed_out_before_is_left_alone() -> None:
    queue = waiting(2)
    batch = queue.die_while_launching(*queue.runs)
    queue.machines.launch(
        ONE, 2, batch.token, {"Name": "mayfly dev", "mayfly:stack": "dev", "mayfly:batch": batch.token}
    )
    served = queue.entry(queue.runs[0])
    queue.table.grant_slots([Slot(queue.runs[0], a_machine("i-1"))])
    queue.queue.notify(served, Slot(queue.runs[0], a_machine("i-1")))
    run(queue, queue.runs[1])
    assert queue.machines.terminated == []
    assert queue.notified(queue.runs[0]) == ["i-1"]
    assert {slot.machine.instance_id for slot in queue.table.slots()} == {"i-1", "i-2"}


def test_a_machine_for_a_run_that_holds_another_one_by_now_is_terminated() -> None:
    queue = waiting(2)
    queue.die_while_launching(*queue.runs)
    queue.table.grant_slots([Slot(queue.runs[0], a_machine("i-other"))])
    queue.table.remove(queue.runs[0])
    run(queue, queue.runs[1])
    assert queue.machines.terminated == ["i-1"]
    assert queue.slot(queue.runs[0]).machine.instance_id == "i-other"


def test_a_machine_for_an_attempt_that_is_over_is_not_given_to_the_next_attempt() -> None:
    queue = waiting(2)
    first, leader = queue.runs
    queue.die_while_launching(first)
    queue.enqueue(first, attempt=2)
    run(queue, leader)
    assert queue.machines.terminated == ["i-1"]
    machine = queue.slot(first).machine
    assert (machine.instance_id, machine.attempt) == ("i-2", 2)


def test_an_unfinished_batch_that_is_throttled_stays_unfinished() -> None:
    queue = waiting(2)
    batch = queue.die_while_launching(*queue.runs)
    queue.machines.answers = [THROTTLED]
    result = run(queue, queue.runs[0])
    assert (result.unfinished, result.refusal) == (batch, THROTTLED)
    assert queue.table.batch_under_way() == batch
    assert queue.counts == [2], "a batch that may have been launched is not cut in halves"


@pytest.mark.parametrize("refusal", [FULL, QUOTA])
def test_an_unfinished_batch_that_is_refused_launched_nothing_and_is_given_up(refusal: Refusal) -> None:
    queue = waiting(2, candidates=(ONE, TWO))
    batch = queue.die_while_launching(*queue.runs)
    queue.machines.answers = [refusal, refusal]
    run(queue, queue.runs[0])
    assert [call.token for call in queue.machines.asked] == [batch.token, "batch-1", "batch-2"]
    assert len(queue.alive) == 2


def test_an_answer_that_leaves_everything_open_leaves_the_batch_to_the_next_leader() -> None:
    queue = waiting(2)
    queue.machines.answers = [TimeoutError("no answer")]
    with pytest.raises(TimeoutError):
        run(queue, queue.runs[0])
    run(queue, queue.runs[0])
    first, second = queue.machines.asked
    assert first == second
    assert len(queue.alive) == 2


def test_a_holder_that_lost_the_lease_launches_nothing_more() -> None:
    queue = waiting(1)
    (run,) = queue.runs
    lost = queue.lease(run.name)
    queue.lease(run.name)
    with pytest.raises(LeaseLost):
        queue.scheduler().run(lost, queue.entry(run), clock.utc_now() + timedelta(seconds=30))
    assert queue.machines.asked == []


def requesting(*requested_types: str | None, **facts: object) -> WaitingQueue:
    """As many runs in the queue as there are requested types, the oldest first."""
    queue = WaitingQueue.of(len(requested_types), **facts)
    for run, requested_type in zip(queue.runs, requested_types, strict=True):
        queue.enqueue(run, requested_type=requested_type)
    return queue


def test_entries_of_one_requested_type_are_launched_together_the_oldests_group_first() -> None:
    queue = requesting("c7g.large", None, "c7g.large", "g5g.xlarge", None)
    run(queue, queue.runs[4])
    assert [(call.candidate.instance_type, call.count) for call in queue.machines.asked] == [
        ("c7g.large", 2),
        ("t4g.small", 2),
    ], "the leader has its machine by then"
    assert [queue.notified(run) for run in queue.runs[:4]] == [["i-1"], ["i-3"], ["i-2"], []]


def test_a_requested_type_replaces_the_types_and_leaves_markets_and_zones() -> None:
    small, medium = (
        replace(ONE, instance_type="t4g.small", market="spot"),
        replace(ONE, instance_type="t4g.medium", market="spot"),
    )
    queue = requesting("c7g.large", candidates=(small, medium, ONE, TWO))
    queue.machines.answers = [FULL, FULL, FULL]
    run(queue, queue.runs[0])
    assert [call.candidate for call in queue.machines.asked] == [
        replace(candidate, instance_type="c7g.large") for candidate in (small, ONE, TWO)
    ]


def test_slots_go_to_the_oldest_whatever_they_request() -> None:
    queue = requesting("c7g.large", None, "c7g.large", max_concurrent=2)
    run(queue, queue.runs[2])
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["i-2"], []]


@pytest.mark.parametrize("refusal", [FULL, QUOTA])
def test_what_ec2_has_none_of_does_not_hold_up_other_types(refusal: Refusal) -> None:
    queue = requesting("g5g.xlarge", "g5g.xlarge", None, "c7g.large")
    queue.machines.answers = [refusal]
    result = run(queue, queue.runs[0])
    assert queue.counts == [2, 1, 1], "each is asked for once a turn"
    assert [queue.notified(run) for run in queue.runs[2:]] == [["i-1"], ["i-2"]]
    assert result.refusals == {"g5g.xlarge": refusal}


def test_a_type_that_is_refused_for_good_fails_only_the_runs_that_requested_it() -> None:
    queue = requesting("p9.huge", None, "p9.huge")
    queue.machines.answers = [DENIED]
    run(queue, queue.runs[1])
    assert [queue.notified(run) for run in queue.runs] == [["LaunchRefused"], [], ["LaunchRefused"]]
    assert queue.table.slot(queue.runs[1])


def test_a_throttled_batch_ends_for_every_requested_type() -> None:
    queue = requesting("g5g.xlarge", "c7g.large", None)
    queue.machines.answers = [FULL, THROTTLED]
    result = run(queue, queue.runs[0])
    assert queue.counts == [1, 1]
    assert result.refusal == THROTTLED
