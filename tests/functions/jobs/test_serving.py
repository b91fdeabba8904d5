from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from functions.jobs import clock, serving
from functions.jobs.errors import LeadLost
from functions.jobs.job import JobStatus, Run
from functions.jobs.ports import Batch, Candidate, LaunchedInstance, Refusal, Slot, Turn
from functions.jobs.serving import MAX_BATCH, candidates
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.jobs.waiting_line import DENIED, FULL, ONE, QUOTA, THROTTLED, TWO, WaitingLine

# Those who begin to wait at one moment come by their jobs' ids.
pytestmark = pytest.mark.usefixtures("stopped_clock")


def serve(line: WaitingLine, leader: Run, seconds: float = 30) -> Turn:
    """One turn of a run that is in line and takes the lead; what it answers is given back to the line."""
    lead = line.table.lead(leader.name)
    assert lead is not None
    turn = line.serving().serve(lead, line.table.tickets[leader.name], clock.utc_now() + timedelta(seconds=seconds))
    line.table.rest(lead, turn)
    return turn


def waiting(jobs: int, **facts: object) -> WaitingLine:
    line = WaitingLine.of(jobs, **facts)
    line.park(*line.runs)
    return line


def left_unfinished(line: WaitingLine, *runs: Run) -> Batch:
    """A batch that a leader wrote down before it died."""
    lead = line.table.lead("one that died")
    assert lead is not None
    batch = Batch("batch-of-the-dead", ONE, tuple((run, 1) for run in runs))
    line.table.remember(lead, batch)
    line.table.rest(lead, Turn(MAX_BATCH, unfinished=batch))
    return batch


def test_candidates_go_through_markets_then_types_then_zones() -> None:
    assert candidates(["spot", "on-demand"], ["a", "b"], ["1", "2"])[:5] == [
        Candidate("a", "1", "spot"),
        Candidate("a", "2", "spot"),
        Candidate("b", "1", "spot"),
        Candidate("b", "2", "spot"),
        Candidate("a", "1", "on-demand"),
    ]


def test_one_call_launches_for_all_in_line() -> None:
    line = waiting(5)
    leader, *others = line.runs
    turn = serve(line, leader)
    assert line.counts == [5]
    assert turn.own == line.table.slot(leader)
    assert [line.heard(run) for run in others] == [["i-2"], ["i-3"], ["i-4"], ["i-5"]]
    assert line.heard(leader) == [], "the leader hears when it has given the lead back"


def test_a_slot_has_the_receipt_of_its_machine() -> None:
    line = waiting(1)
    turn = serve(line, line.runs[0])
    assert turn.own
    (launched,) = line.machines.launched["batch-1"][1]
    assert turn.own == Slot(
        line.runs[0],
        a_machine("i-1", market="on-demand", launched_at=launched.launched_at),
    )


def test_a_batch_is_written_down_before_ec2_is_asked() -> None:
    line = waiting(2)
    written: list[Batch | None] = []

    class Watching(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            written.append(line.table.kept.batch if line.table.kept else None)
            return super().launch(candidate, count, token, tags)

    line.machines = Watching(answers=[FULL])
    line.candidates = (ONE, TWO)
    serve(line, line.runs[0])
    attempts = tuple((run, 1) for run in line.runs)
    assert written == [Batch("batch-1", ONE, attempts), Batch("batch-2", TWO, attempts)]


def test_there_are_never_more_machines_than_slots_and_the_oldest_come_first() -> None:
    line = waiting(5, max_concurrent=3)
    line.table.grant([Slot(Run("bob", "another job"), a_machine("i-0"))])
    turn = serve(line, line.runs[4])
    assert line.counts == [2]
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["i-2"], [], [], []]
    assert (turn.own, turn.refusal) == (None, None)


def test_nobody_is_asked_while_every_slot_is_taken() -> None:
    line = waiting(2, max_concurrent=1)
    line.table.grant([Slot(Run("bob", "another job"), a_machine("i-0"))])
    assert serve(line, line.runs[0]) == Turn(MAX_BATCH)
    assert line.machines.asked == []


def test_more_slots_taken_than_there_are_is_as_bad_as_none_free() -> None:
    line = waiting(2, max_concurrent=1)
    for name in ("one", "two", "three"):  # maxConcurrentJobs was lowered while they ran
        line.table.grant([Slot(Run("bob", name), a_machine(name))])
    assert line.serving().servable(10) == []


def test_who_gets_none_of_a_partial_launch_is_asked_for_again_at_once() -> None:
    line = waiting(5)
    line.machines.answers = [2, 1]
    serve(line, line.runs[4])
    assert line.counts == [5, 3, 2]
    assert len({call.token for call in line.machines.asked}) == 3, "a token stands for one launch"
    assert [line.heard(run) for run in line.runs[:4]] == [["i-1"], ["i-2"], ["i-3"], ["i-4"]]
    assert len(line.alive) == len(line.table.slots()) == 5


def test_a_batch_is_never_larger_than_one_turn_can_hand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_BATCH", 20)
    line = waiting(30)
    serve(line, line.runs[-1])
    assert line.counts == [20, 10]


def test_candidates_are_tried_in_order_and_what_refused_is_noted_for_all_who_waited() -> None:
    line = waiting(2, candidates=(ONE, TWO))
    line.machines.answers = [FULL]
    serve(line, line.runs[0])
    assert [call.candidate for call in line.machines.asked] == [ONE, TWO]
    noted = ["t4g.small, on-demand, subnet-a: InsufficientInstanceCapacity."]
    assert [line.refusals(run) for run in line.runs] == [noted, noted]


@pytest.mark.parametrize("refusal", [FULL, QUOTA])
def test_a_turn_ends_where_every_candidate_is_refused(refusal: Refusal) -> None:
    line = waiting(3, candidates=(ONE, TWO))
    line.machines.answers = [refusal, refusal]
    turn = serve(line, line.runs[1])
    assert (turn.refusal, turn.unfinished) == (refusal, None)
    assert line.counts == [3, 3]
    assert all(len(line.refusals(run)) == 2 for run in line.runs)
    assert line.flow.answers == [], "whom to tell is decided when the lead is given back"


def test_a_refusal_that_comes_back_every_minute_is_noted_once() -> None:
    line = waiting(1)
    line.machines.answers = [FULL, FULL]
    for _ in range(2):
        serve(line, line.runs[0])
    assert len(line.refusals(line.runs[0])) == 1


def test_a_throttled_launch_asks_for_half_as_many_without_trying_another_candidate() -> None:
    line = waiting(8, candidates=(ONE, TWO))
    line.machines.answers = [THROTTLED, THROTTLED]
    serve(line, line.runs[7])
    assert line.counts == [8, 4, 2, 4, 2], "half and half again; then twice as many as went well"
    assert {call.candidate for call in line.machines.asked} == {ONE}
    assert len(line.alive) == 8


def test_being_told_to_slow_down_is_noted_for_the_oldest_alone() -> None:
    line = waiting(2)
    line.machines.answers = [THROTTLED]
    serve(line, line.runs[1])
    assert [len(line.refusals(run)) for run in line.runs] == [1, 0]


def test_a_single_launch_that_is_throttled_ends_the_turn() -> None:
    line = waiting(4)
    line.machines.answers = [THROTTLED, THROTTLED, THROTTLED]
    turn = serve(line, line.runs[0])
    assert line.counts == [4, 2, 1]
    assert (turn.refusal, turn.limit) == (THROTTLED, 1)


def test_a_single_launch_that_is_throttled_is_tried_again_a_few_times_within_the_turn() -> None:
    line = waiting(2, throttle_waits=(0.3, 0.6))
    line.machines.answers = [THROTTLED, THROTTLED, THROTTLED]
    serve(line, line.runs[1])
    assert line.counts[:4] == [2, 1, 1, 1]
    assert line.slept == [0.3, 0.6]
    assert len(line.alive) == 2


def test_what_stays_throttled_is_left_to_the_workflow() -> None:
    line = waiting(2, throttle_waits=(0.3, 0.6))
    line.machines.answers = [THROTTLED] * 9
    turn = serve(line, line.runs[1])
    assert line.counts == [2, 1, 1, 1]
    assert turn.refusal == THROTTLED


def test_the_next_turn_begins_with_the_limit_that_went_well() -> None:
    line = waiting(4)
    line.machines.answers = [THROTTLED, THROTTLED, THROTTLED]
    serve(line, line.runs[0])
    serve(line, line.runs[3])
    assert line.counts[3:] == [1, 2, 1]


@pytest.mark.parametrize("leader", [0, 7])
def test_a_limit_grows_again_with_every_launch_that_goes_well(leader: int) -> None:
    line = waiting(8)
    line.machines.answers = [THROTTLED, THROTTLED]
    turn = serve(line, line.runs[leader])
    assert line.counts[:3] == [8, 4, 2]
    assert turn.limit > 2


def test_a_limit_never_grows_beyond_a_batch() -> None:
    line = waiting(2)
    line.machines.answers = [1]
    assert serve(line, line.runs[1]).limit == MAX_BATCH


def test_a_limit_that_was_good_for_an_earlier_version_is_no_more_than_a_batch() -> None:
    line = waiting(MAX_BATCH + 1, max_concurrent=1000)
    lead = line.table.lead("an earlier version")
    assert lead
    line.table.rest(lead, Turn(10 * MAX_BATCH))
    serve(line, line.runs[0])
    assert line.counts == [MAX_BATCH]


def test_a_launch_that_aws_refuses_for_good_fails_everybody_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_BATCH", 20)
    line = waiting(21)
    line.machines.answers = [DENIED, DENIED]
    turn = serve(line, line.runs[3])
    assert line.table.oldest(9) == []
    assert all(line.heard(run) == ["LaunchRefused"] for run in line.runs)
    assert {answer.cause for answer in line.flow.answers} == {"UnauthorizedOperation: you may not"}
    assert (turn.refusal, turn.own) == (None, None)


SPOT = Candidate("t4g.small", "subnet-a", "spot")
# What EC2 answers a first spot request that may not create spot's service-linked role (EC2 user guide, "Service-linked
# role for Spot Instance requests"; github-aws-runners/terraform-aws-github-runner#104).
NO_ROLE = Refusal("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "no role for spot", "permanent")


def test_a_market_that_is_refused_for_good_keeps_no_other_from_being_asked() -> None:
    line = WaitingLine.of(2, candidates=(SPOT, ONE))
    line.park(*line.runs)
    line.machines.answers = [NO_ROLE, 2]
    turn = serve(line, line.runs[0])
    assert turn.own is not None
    assert turn.own.machine.market == "on-demand"
    assert line.heard(line.runs[1]) == ["i-2"]


def test_a_job_waits_as_long_as_not_everything_is_refused_for_good() -> None:
    line = WaitingLine.of(1, candidates=(SPOT, ONE))
    line.park(*line.runs)
    line.machines.answers = [NO_ROLE, FULL]
    turn = serve(line, line.runs[0])
    assert turn.refusal == FULL
    assert [ticket.run for ticket in line.table.oldest(9)] == line.runs


def test_a_job_that_everything_is_refused_for_good_is_told_all_the_reasons() -> None:
    line = WaitingLine.of(1, candidates=(SPOT, ONE, TWO))
    line.park(*line.runs)
    line.machines.answers = [NO_ROLE, DENIED, DENIED]
    serve(line, line.runs[0])
    assert line.heard(line.runs[0]) == ["LaunchRefused"]
    assert [answer.cause for answer in line.flow.answers] == [f"{NO_ROLE}; {DENIED}"]


def test_what_is_refused_for_good_is_not_asked_for_again_after_a_moments_throttling() -> None:
    line = WaitingLine.of(1, candidates=(SPOT, ONE), throttle_waits=(0.5,))
    line.park(*line.runs)
    line.machines.answers = [NO_ROLE, THROTTLED, 1]
    assert serve(line, line.runs[0]).own is not None
    assert [asked.candidate.market for asked in line.machines.asked] == ["spot", "on-demand", "on-demand"]


def test_a_launch_refused_for_good_is_not_asked_for_again_and_again_for_who_does_not_listen() -> None:
    line = waiting(3)
    line.machines.answers = [DENIED] * 50
    line.flow.dead.add(line.table.tickets[line.runs[1].name].token)
    serve(line, line.runs[0])
    assert len(line.counts) <= 2
    assert [line.heard(run) for run in line.runs] == [["LaunchRefused"], [], ["LaunchRefused"]]
    assert [ticket.run for ticket in line.table.oldest(9)] == [line.runs[1]], "it hears when it comes again"


def test_every_machine_is_launched_with_its_stacks_and_its_batchs_tags() -> None:
    line = waiting(2)
    serve(line, line.runs[0])
    assert line.machines.asked[0].tags == {"Name": "mayfly dev", "mayfly:stack": "dev", "mayfly:batch": "batch-1"}


def test_a_machine_of_a_run_that_was_cancelled_meanwhile_is_terminated() -> None:
    line = waiting(2)

    class CancelledMeanwhile(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            line.line.send_away(line.runs[1], "JobEnded", "cancelled on request")
            return super().launch(candidate, count, token, tags)

    line.machines = CancelledMeanwhile()
    serve(line, line.runs[0])
    assert line.machines.terminated == ["i-2"]
    assert line.heard(line.runs[1]) == ["JobEnded"]
    assert [slot.run for slot in line.table.slots()] == [line.runs[0]]


def test_a_machine_of_a_run_that_is_over_and_does_not_listen_is_terminated() -> None:
    line = waiting(2)
    cancelled = line.runs[1]
    line.jobs.update(cancelled.owner, cancelled.job_id, lambda job: job.moved(JobStatus.CANCELLED))
    line.flow.dead.add(line.table.tickets[cancelled.name].token)
    serve(line, line.runs[0])
    assert line.machines.terminated == ["i-2"]


def test_a_machine_of_a_deleted_job_is_terminated_and_the_others_get_theirs() -> None:
    line = waiting(3, candidates=(ONE, TWO))
    line.machines.answers = [FULL]
    deleted = line.runs[0]
    line.jobs.remove(deleted.owner, deleted.job_id)
    line.flow.dead.add(line.table.tickets[deleted.name].token)
    serve(line, line.runs[1])
    assert line.machines.terminated == ["i-1"]
    assert line.heard(line.runs[2]) == ["i-3"]


def test_a_machine_of_a_run_between_two_tries_is_kept_for_its_next_one() -> None:
    line = waiting(2)
    line.flow.dead.add(line.table.tickets[line.runs[1].name].token)
    serve(line, line.runs[0])
    assert line.machines.terminated == []
    line.enter(line.runs[1])
    assert line.heard(line.runs[1]) == ["i-2"]
    assert line.counts == [2]


def test_what_a_leader_left_unfinished_is_finished_with_the_same_call() -> None:
    line = waiting(3)
    batch = left_unfinished(line, *line.runs[:2])
    serve(line, line.runs[2])
    first, second = line.machines.asked
    assert (first.token, first.count, first.candidate) == (batch.token, 2, ONE)
    assert second.count == 1
    assert [line.heard(run) for run in line.runs[:2]] == [["i-1"], ["i-2"]]
    assert len(line.alive) == 3


def test_a_leader_that_finds_its_own_machine_in_an_unfinished_batch_has_what_it_came_for() -> None:
    line = waiting(2)
    left_unfinished(line, *line.runs)
    turn = serve(line, line.runs[1])
    assert turn.own
    assert turn.own.machine.instance_id == "i-2"
    assert line.counts == [2]


def test_a_machine_that_was_handed_out_before_is_left_alone() -> None:
    line = waiting(2)
    batch = left_unfinished(line, *line.runs)
    line.machines.launch(
        ONE, 2, batch.token, {"Name": "mayfly dev", "mayfly:stack": "dev", "mayfly:batch": batch.token}
    )
    served = line.table.tickets[line.runs[0].name]
    line.table.grant([Slot(line.runs[0], a_machine("i-1"))])
    line.line.tell(served, Slot(line.runs[0], a_machine("i-1")))
    serve(line, line.runs[1])
    assert line.machines.terminated == []
    assert line.heard(line.runs[0]) == ["i-1"]
    assert {slot.machine.instance_id for slot in line.table.slots()} == {"i-1", "i-2"}


def test_a_machine_for_a_run_that_holds_another_one_by_now_is_terminated() -> None:
    line = waiting(2)
    left_unfinished(line, *line.runs)
    line.table.grant([Slot(line.runs[0], a_machine("i-other"))])
    line.table.leave(line.runs[0])
    serve(line, line.runs[1])
    assert line.machines.terminated == ["i-1"]
    held = line.table.slot(line.runs[0])
    assert held
    assert held.machine.instance_id == "i-other"


def test_a_machine_for_an_attempt_that_is_over_is_not_given_to_the_next_attempt() -> None:
    line = waiting(2)
    first, leader = line.runs
    left_unfinished(line, first)
    line.park(first, attempt=2)
    serve(line, leader)
    assert line.machines.terminated == ["i-1"]
    slot = line.table.slot(first)
    assert slot
    assert (slot.machine.instance_id, slot.machine.attempt) == ("i-2", 2)


def test_an_unfinished_batch_that_is_throttled_stays_unfinished() -> None:
    line = waiting(2)
    batch = left_unfinished(line, *line.runs)
    line.machines.answers = [THROTTLED]
    turn = serve(line, line.runs[0])
    assert (turn.unfinished, turn.refusal) == (batch, THROTTLED)
    assert line.table.kept
    assert line.table.kept.batch == batch
    assert line.counts == [2], "a batch that may have been launched is not cut in halves"


@pytest.mark.parametrize("refusal", [FULL, QUOTA])
def test_an_unfinished_batch_that_is_refused_launched_nothing_and_is_given_up(refusal: Refusal) -> None:
    line = waiting(2, candidates=(ONE, TWO))
    batch = left_unfinished(line, *line.runs)
    line.machines.answers = [refusal, refusal]
    serve(line, line.runs[0])
    assert [call.token for call in line.machines.asked] == [batch.token, "batch-1", "batch-2"]
    assert len(line.alive) == 2


def test_an_answer_that_leaves_everything_open_leaves_the_batch_to_the_next_leader() -> None:
    line = waiting(2)
    line.machines.answers = [TimeoutError("no answer")]
    with pytest.raises(TimeoutError):
        serve(line, line.runs[0])
    serve(line, line.runs[0])
    first, second = line.machines.asked
    assert first == second
    assert len(line.alive) == 2


def test_a_leader_who_lost_the_lead_launches_nothing_more() -> None:
    line = waiting(1)
    (run,) = line.runs
    lost = line.table.lead(run.name)
    assert lost
    assert line.table.lead(run.name)
    with pytest.raises(LeadLost):
        line.serving().serve(lost, line.table.tickets[run.name], clock.utc_now() + timedelta(seconds=30))
    assert line.machines.asked == []


def test_a_leader_stops_in_time_whoever_still_waits(stopped_clock: StoppedClock) -> None:
    line = waiting(3)

    class Slow(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            stopped_clock.go_on(20)
            return super().launch(candidate, count, token, tags)

    line.machines = Slow(answers=[1, 1, 1])
    turn = serve(line, line.runs[2], seconds=30)
    assert line.counts == [3, 2]
    assert (turn.own, turn.refusal) == (None, None)


def wishing(*wishes: str | None, **facts: object) -> WaitingLine:
    """As many runs in line as there are wishes, the oldest first."""
    line = WaitingLine.of(len(wishes), **facts)
    for run, wish in zip(line.runs, wishes, strict=True):
        line.park(run, wish=wish)
    return line


def test_those_who_wish_for_the_same_are_launched_for_together_and_the_oldests_group_comes_first() -> None:
    line = wishing("c7g.large", None, "c7g.large", "g5g.xlarge", None)
    serve(line, line.runs[4])
    assert [(call.candidate.instance_type, call.count) for call in line.machines.asked] == [
        ("c7g.large", 2),
        ("t4g.small", 2),
    ], "the leader has its machine by then"
    assert [line.heard(run) for run in line.runs[:4]] == [["i-1"], ["i-3"], ["i-2"], []]


def test_a_wish_takes_the_place_of_the_types_and_leaves_markets_and_zones() -> None:
    small, medium = (
        replace(ONE, instance_type="t4g.small", market="spot"),
        replace(ONE, instance_type="t4g.medium", market="spot"),
    )
    line = wishing("c7g.large", candidates=(small, medium, ONE, TWO))
    line.machines.answers = [FULL, FULL, FULL]
    serve(line, line.runs[0])
    assert [call.candidate for call in line.machines.asked] == [
        replace(candidate, instance_type="c7g.large") for candidate in (small, ONE, TWO)
    ]


def test_slots_go_to_the_oldest_whatever_they_wish_for() -> None:
    line = wishing("c7g.large", None, "c7g.large", max_concurrent=2)
    serve(line, line.runs[2])
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["i-2"], []]


@pytest.mark.parametrize("refusal", [FULL, QUOTA])
def test_what_ec2_has_none_of_does_not_hold_up_who_wishes_for_something_else(refusal: Refusal) -> None:
    line = wishing("g5g.xlarge", "g5g.xlarge", None, "c7g.large")
    line.machines.answers = [refusal]
    turn = serve(line, line.runs[0])
    assert line.counts == [2, 1, 1], "each is asked for once a turn"
    assert [line.heard(run) for run in line.runs[2:]] == [["i-1"], ["i-2"]]
    assert turn.refusals == {"g5g.xlarge": refusal}


def test_however_many_wait_for_what_there_is_none_of_who_comes_after_them_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "MAX_BATCH", 2)
    line = wishing(*["g5g.xlarge"] * 40, None)
    line.machines.answers = [FULL]
    serve(line, line.runs[0])
    assert line.heard(line.runs[40]) == ["i-1"]


def test_a_type_that_is_refused_for_good_fails_those_who_wished_for_it_alone() -> None:
    line = wishing("p9.huge", None, "p9.huge")
    line.machines.answers = [DENIED]
    serve(line, line.runs[1])
    assert [line.heard(run) for run in line.runs] == [["LaunchRefused"], [], ["LaunchRefused"]]
    assert line.table.slot(line.runs[1])


def test_a_turn_that_is_throttled_ends_for_every_wish() -> None:
    line = wishing("g5g.xlarge", "c7g.large", None)
    line.machines.answers = [FULL, THROTTLED]
    turn = serve(line, line.runs[0])
    assert line.counts == [1, 1]
    assert turn.refusal == THROTTLED
