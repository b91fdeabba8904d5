from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

import pytest

from functions.jobs.errors import JobEnded, QueueTimeout
from functions.jobs.job import JobStatus, Overrides, Run
from functions.jobs.ports import Candidate, LaunchedInstance, Lead, Refusal, Slot, Turn
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.fuse import Fuse
from tests.functions.fakes.line_table import FakeLineTable
from tests.functions.fakes.machines import Asked, FakeMachines, a_machine
from tests.functions.fakes.workflow import FakeWorkflow
from tests.functions.jobs.waiting_line import (
    DENIED,
    FULL,
    ONE,
    QUEUE_TIMEOUT,
    QUOTA,
    THROTTLED,
    TWO,
    WaitingLine,
    dies_while_entering,
)

# Those who begin to wait at one moment come by their jobs' ids.
pytestmark = pytest.mark.usefixtures("stopped_clock")

WAIT = QUEUE_TIMEOUT.total_seconds()


def lead_is_free(line: WaitingLine) -> bool:
    return line.table.kept is not None and not line.table.kept.name


def test_who_enters_and_finds_nobody_leading_launches_for_all_in_line() -> None:
    line = WaitingLine.of(4)
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert line.counts == [4]
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["i-2"], ["i-3"], ["i-4"]]
    assert line.table.oldest(9) == []


def test_a_lead_goes_on_until_the_leaders_own_run_is_served() -> None:
    line = WaitingLine.of(3)
    line.machines.answers = [1, 1, 1]
    line.park(*line.runs[:2])
    line.enter(line.runs[2])
    assert line.counts == [3, 2, 1]
    assert line.heard(line.runs[2]) == ["i-3"]


def test_who_enters_while_another_leads_waits_in_silence() -> None:
    line = WaitingLine.of(2)
    assert line.table.lead("another")
    line.enter(line.runs[0])
    assert (line.machines.asked, line.flow.answers) == ([], [])
    assert [ticket.run for ticket in line.table.oldest(9)] == [line.runs[0]]


def test_who_enters_during_a_leaders_last_look_is_served_by_it() -> None:
    line = WaitingLine.of(2)

    class EnteringMeanwhile(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            if not self.asked:
                line.enter(line.runs[1])
            return super().launch(candidate, count, token, tags)

    line.machines = EnteringMeanwhile()
    line.enter(line.runs[0])
    line.settle()
    assert [line.heard(run)[-1] for run in line.runs] == ["i-1", "i-2"]


def test_the_leader_hears_last_and_finds_the_lead_free() -> None:
    line = WaitingLine.of(3)
    free_when_told: dict[str, bool] = {}

    class Watching(FakeWorkflow):
        def wake(self, token: str, output: Mapping[str, str] | None = None) -> bool:
            free_when_told[token] = lead_is_free(line)
            return super().wake(token, output)

    line.flow = Watching()
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert list(free_when_told.values()) == [False, False, True]
    assert list(free_when_told)[-1].startswith(f"{line.runs[0].name}/")


def test_a_leader_that_is_served_first_hands_the_lead_to_the_oldest_of_the_others() -> None:
    line = WaitingLine.of(3)
    line.machines.answers = [1]
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["YourTurn"], []], "and does not tell itself"
    line.settle()
    assert [line.heard(run)[-1] for run in line.runs] == ["i-1", "i-2", "i-3"]


def test_a_run_that_has_its_machine_does_not_wait_for_those_that_have_none() -> None:
    line = WaitingLine.of(2)
    line.machines.answers = [1, FULL, FULL, FULL]
    line.park(line.runs[1])
    line.enter(line.runs[0])
    line.enter(line.runs[1])
    assert [line.heard(run)[-1] for run in line.runs] == ["i-1", "CapacityUnavailable"]


def test_a_run_that_got_its_machine_between_two_tries_takes_it_though_others_get_none() -> None:
    line = WaitingLine.of(2)
    first, second = line.runs
    line.table.grant([Slot(first, a_machine("i-7"))])
    line.machines.answers = [FULL]
    line.park(second)
    line.enter(first)
    assert [line.heard(run) for run in line.runs] == [["i-7"], ["CapacityUnavailable"]]


def test_a_leader_that_is_cancelled_while_it_launches_leaves_no_machine_behind() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs

    class CancelledMeanwhile(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            line.jobs.update(run.owner, run.job_id, lambda job: job.moved(JobStatus.CANCELLED))
            line.line.send_away(run, "JobEnded", "cancelled on request")
            return super().launch(candidate, count, token, tags)

    line.machines = CancelledMeanwhile()
    line.enter(run)
    assert line.machines.terminated == ["i-1"], "its workflow may have been through Terminate by now"


def test_a_leader_does_not_wake_others_that_there_is_no_room_for() -> None:
    line = WaitingLine.of(2, max_concurrent=1)
    line.park(line.runs[1])
    line.enter(line.runs[0])
    assert [line.heard(run) for run in line.runs] == [["i-1"], []]


def test_a_freed_slot_serves_who_waited_for_it() -> None:
    line = WaitingLine.of(3, max_concurrent=2)
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert line.counts == [2]
    line.line.give_back(line.runs[0], {"i-1": None})
    line.settle()
    assert line.heard(line.runs[2]) == ["YourTurn", "i-3"]


def test_a_cancelled_run_gets_no_place_in_line_and_no_machine() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.jobs.update(run.owner, run.job_id, lambda job: job.moved(JobStatus.CANCELLED))
    with pytest.raises(JobEnded):
        line.enter(run)
    assert (line.table.oldest(9), line.machines.asked) == ([], [])


def test_a_run_that_another_one_followed_gets_no_machine() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.jobs.update(run.owner, run.job_id, lambda job: job.moved(JobStatus.CANCELLED).retried("t"))
    with pytest.raises(JobEnded, match="run 1"):
        line.enter(run)
    line.runs = [Run(run.owner, run.job_id, 2)]
    line.enter(line.runs[0])
    assert line.heard(line.runs[0]) == ["i-1"]


def test_a_step_whose_answer_was_lost_gets_the_machine_it_has() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.table.grant([Slot(run, a_machine("i-7"))])
    line.enter(run)
    assert line.heard(run) == ["i-7"]
    assert (line.machines.asked, line.table.oldest(9)) == ([], [])


def test_the_next_attempt_does_not_get_the_machine_of_the_one_before() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.table.grant([Slot(run, a_machine("i-7", attempt=1))])
    line.enter(run, attempt=2)
    assert line.heard(run) == ["i-1"]


def test_a_job_that_all_machines_are_busy_for_says_so_once() -> None:
    line = WaitingLine.of(2, max_concurrent=1)
    first, second = line.runs
    line.enter(first)
    for _ in range(2):
        line.enter(second)
    assert line.heard(second) == []
    (event,) = line.job(second).timeline
    assert event.event == "waiting"
    assert "All 1 machines" in event.detail
    assert line.job(first).timeline == (), "it got the last one"


def test_a_job_that_waits_for_another_reason_does_not_blame_busy_machines() -> None:
    line = WaitingLine.of(2)
    line.machines.answers = [FULL]
    line.enter(line.runs[0])
    assert line.table.lead("another")
    line.enter(line.runs[1])
    assert [event.event for run in line.runs for event in line.job(run).timeline] == ["launch_refused"]


def test_a_job_that_lost_its_machine_is_not_new_to_the_line() -> None:
    line = WaitingLine.of(2, max_concurrent=1)
    first, second = line.runs
    line.enter(first)
    line.jobs.update(second.owner, second.job_id, lambda job: job.moved(JobStatus.LAUNCHING))
    line.enter(second, attempt=2)
    assert line.job(second).timeline == ()


def test_the_machine_of_the_attempt_before_is_not_given_though_somebody_else_leads() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.table.grant([Slot(run, a_machine("i-7", attempt=1))])
    assert line.table.lead("another")
    line.enter(run, attempt=2)
    assert line.heard(run) == []


@pytest.mark.parametrize(
    ("refusal", "error"), [(FULL, "CapacityUnavailable"), (QUOTA, "QuotaExceeded"), (THROTTLED, "Throttled")]
)
def test_a_refusal_is_told_to_the_oldest_in_line_whoever_led(refusal: Refusal, error: str) -> None:
    line = WaitingLine.of(3)
    line.machines.answers = [refusal] * 3
    line.park(*line.runs[:2])
    line.enter(line.runs[2])
    assert [line.heard(run) for run in line.runs] == [[error], [], []]
    assert line.flow.answers[0].cause == str(refusal)
    assert lead_is_free(line)


def test_a_refusal_is_told_to_the_next_if_the_oldest_is_about_to_come_again_anyway() -> None:
    line = WaitingLine.of(3)
    line.machines.answers = [FULL]
    line.park(*line.runs[:2])
    line.flow.dead.add(line.table.tickets[line.runs[0].name].token)
    line.enter(line.runs[2])
    assert [line.heard(run) for run in line.runs] == [[], ["CapacityUnavailable"], []]


def test_who_was_told_that_there_is_no_room_serves_all_when_it_comes_again() -> None:
    line = WaitingLine.of(3)
    line.machines.answers = [FULL]
    line.park(*line.runs[:2])
    line.enter(line.runs[2])
    line.settle()
    assert [line.heard(run)[-1] for run in line.runs] == ["i-1", "i-2", "i-3"]


def test_a_launch_refused_for_good_fails_all_and_leaves_the_lead_free() -> None:
    line = WaitingLine.of(2)
    line.machines.answers = [DENIED]
    line.park(line.runs[0])
    line.enter(line.runs[1])
    assert [line.heard(run) for run in line.runs] == [["LaunchRefused"], ["LaunchRefused"]]
    assert lead_is_free(line)


def test_who_has_waited_too_long_gives_up_its_place(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(1)
    line.park(line.runs[0])
    stopped_clock.go_on(WAIT)
    with pytest.raises(QueueTimeout, match="60 minutes"):
        line.enter(line.runs[0])
    assert (line.table.oldest(9), line.machines.asked) == ([], [])


def test_coming_again_does_not_begin_the_wait_anew(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(1)
    line.machines.answers = [FULL] * 3
    line.enter(line.runs[0])
    stopped_clock.go_on(WAIT / 2)
    line.enter(line.runs[0])
    stopped_clock.go_on(WAIT / 2)
    with pytest.raises(QueueTimeout):
        line.enter(line.runs[0])


def test_a_machine_that_came_at_the_last_moment_is_taken(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(1)
    line.park(line.runs[0])
    line.table.grant([Slot(line.runs[0], a_machine("i-7"))])
    stopped_clock.go_on(WAIT)
    line.enter(line.runs[0])
    assert line.heard(line.runs[0]) == ["i-7"]


def test_the_oldest_is_told_the_last_answer_when_it_has_waited_too_long(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(3)
    line.machines.answers = [QUOTA]
    line.park(line.runs[0])
    stopped_clock.go_on(WAIT)
    line.park(line.runs[1])
    line.enter(line.runs[2])
    assert [line.heard(run) for run in line.runs] == [["QueueTimeout"], ["QuotaExceeded"], []]
    cause = line.flow.answers[0].cause
    assert "60 minutes" in cause
    assert str(QUOTA) in cause
    assert [ticket.run for ticket in line.table.oldest(9)] == list(line.runs[1:])


def test_a_wait_that_is_over_does_not_begin_anew_for_a_run_that_did_not_hear_of_it(
    stopped_clock: StoppedClock,
) -> None:
    line = WaitingLine.of(2)
    line.machines.answers = [FULL, FULL]
    line.enter(line.runs[0])
    stopped_clock.go_on(WAIT)
    line.enter(line.runs[1])  # while the oldest sleeps between two tries
    with pytest.raises(QueueTimeout):
        line.enter(line.runs[0])


def test_a_leader_that_nobody_shall_wait_for_any_longer_hands_over(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(3)

    class Slow(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            stopped_clock.go_on(20)
            return super().launch(candidate, count, token, tags)

    line.machines = Slow(answers=[1, 1, 1])
    line.park(*line.runs[:2])
    line.enter(line.runs[2])
    assert line.counts == [3, 2]
    assert line.heard(line.runs[2]) == ["YourTurn"]
    line.settle()
    assert line.heard(line.runs[2])[-1] == "i-3"


def test_a_leader_that_was_held_up_goes_quietly_and_its_successor_serves_it(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(2)

    class HeldUp(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            if not self.asked:
                instances = super().launch(candidate, count, token, tags)
                stopped_clock.go_on(61)
                line.enter(line.runs[1])
                return instances
            return super().launch(candidate, count, token, tags)

    line.machines = HeldUp()
    line.enter(line.runs[0])
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["i-2"]]
    assert len(line.alive) == 2


@pytest.mark.parametrize(
    ("attempt", "redrives", "asks"), [(1, 0, 3), (2, 0, 0), (1, 1, 0)], ids=["asks again", "next attempt", "redriven"]
)
def test_a_call_that_its_workflow_gave_up_does_not_take_its_next_trys_place(
    attempt: int, redrives: int, asks: int
) -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.machines.answers = [FULL] * 20
    line.enter(run, attempt, asks=asks, redrives=redrives)
    place = line.table.tickets[run.name]
    line.enter(run, asks=2)
    assert line.table.tickets[run.name] == place


def test_a_leader_whose_answer_comes_too_late_hands_nothing_out(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(2)

    class Late(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            if not self.asked:
                self.asked.append(Asked(candidate, count, token, tags))
                stopped_clock.go_on(61)
                self.answers = [FULL]  # to the same call, that its successor makes
                line.enter(line.runs[1])
            return super().launch(candidate, count, token, tags)

    line.machines = Late()
    line.park(line.runs[1])
    line.enter(line.runs[0])
    line.settle()
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["i-2"]]
    assert [slot.machine.instance_id for slot in line.table.slots()] == ["i-1", "i-2"]


def test_a_leader_that_loses_the_lead_with_its_machine_in_hand_keeps_that(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(2)

    class TakenOver(FakeMachines):
        def tag(self, instance_id: str, tags: Mapping[str, str]) -> bool:
            stopped_clock.go_on(61)
            assert line.table.lead("one that dies at once")
            return True

    line.machines = TakenOver()
    line.park(line.runs[1])
    line.enter(line.runs[0])
    assert line.heard(line.runs[0]) == ["i-1"]


def test_a_run_told_to_come_again_while_it_leads_takes_its_own_lead_over() -> None:
    line = WaitingLine.of(3)
    first, *others = line.runs

    class ToldMeanwhile(FakeMachines):
        def launch(
            self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
        ) -> Sequence[LaunchedInstance] | Refusal:
            instances = super().launch(candidate, count, token, tags)
            if len(self.asked) == 1:
                line.line.hand_over()  # a slot is freed: the first in line is the leader itself
                line.enter(first)
            return instances

    line.machines = ToldMeanwhile()
    line.park(*others)
    line.enter(first)
    line.settle()
    assert [line.heard(run)[-1] for run in line.runs] == ["i-1", "i-2", "i-3"]
    assert len({call.token for call in line.machines.asked}) == 1
    assert len(line.alive) == len(line.table.slots()) == 3


def wish(line: WaitingLine, run: Run, instance_type: str) -> None:
    line.jobs.jobs[run.owner, run.job_id] = replace(line.job(run), overrides=Overrides(instance_type))


def test_a_jobs_wish_stands_on_its_ticket_from_the_beginning() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    wish(line, run, "c7g.large")
    line.enter(run)
    assert line.machines.asked[0].candidate == replace(ONE, instance_type="c7g.large")


def test_the_oldest_hears_what_became_of_its_own_wish_and_comes_again_for_all() -> None:
    line = WaitingLine.of(3)
    first, second, third = line.runs
    wish(line, first, "g5g.xlarge")
    wish(line, second, "c7g.large")
    line.machines.answers = [FULL, QUOTA, 1]
    line.park(first, wish="g5g.xlarge")
    line.park(second, wish="c7g.large")
    line.enter(third)
    assert [line.heard(run) for run in line.runs] == [["YourTurn"], [], ["i-1"]]
    line.machines.answers = [FULL, QUOTA]
    line.enter(first)
    assert line.heard(first) == ["YourTurn", "CapacityUnavailable"]
    line.settle()
    assert [line.heard(run)[-1] for run in line.runs] == ["i-2", "i-3", "i-1"]


def enters_after_the_last_look(line: WaitingLine, run: Run) -> None:
    """Lets a run take its place in line just before the leader gives the lead back for the first time."""

    class Entering(FakeLineTable):
        def rest(self, lead: Lead, turn: Turn) -> None:
            if not line.heard(run):
                line.park(run)
            super().rest(lead, turn)

    line.table = Entering()


def test_who_enters_while_others_are_refused_is_not_left_to_their_next_try() -> None:
    line = WaitingLine.of(2)
    first, late = line.runs
    wish(line, first, "g5g.xlarge")
    line.machines.answers = [FULL, FULL]
    enters_after_the_last_look(line, late)
    line.enter(first)
    assert [line.heard(run) for run in line.runs] == [["CapacityUnavailable"], ["i-1"]]


def test_what_was_refused_for_good_fails_nobody_who_wished_for_something_else() -> None:
    line = WaitingLine.of(3)
    older, refused, leader = line.runs
    enters_after_the_last_look(line, older)
    line.park(refused, wish="p9.huge")
    line.flow.dead.add(line.table.tickets[refused.name].token)
    line.machines.answers = [DENIED, 1, DENIED]
    wish(line, leader, "p9.huge")
    line.enter(leader)
    line.settle()
    assert line.heard(older) == ["YourTurn", "i-1"]
    assert line.heard(leader) == ["LaunchRefused"]


def after_a_death(line: WaitingLine, fuse: Fuse, leader: Run) -> None:
    """The state of things that a dead leader left, after its own workflow tried the step again."""
    line.enter(leader)
    line.settle()
    for run in line.runs:
        machines = [one for one in line.heard(run) if one and one.startswith("i-")]
        assert machines, f"{run.name} is forgotten, {fuse.last} was the last call"
        assert len(set(machines)) == 1, f"{run.name} was told of {machines}, {fuse.last} was the last call"
        slot = line.table.slot(run)
        assert slot, fuse.last
        assert slot.machine.instance_id == machines[0], fuse.last
    assert len(line.alive) == len(line.runs), f"a machine too many; {fuse.last} was the last call"
    assert line.table.oldest(9) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("leads", [0, 2], ids=["the oldest leads", "the youngest leads"])
@pytest.mark.parametrize("answers", [[], [FULL], [1], [THROTTLED]], ids=["all", "full", "partial", "throttled"])
def test_wherever_a_leader_dies_its_next_try_sees_to_all(
    stopped_clock: StoppedClock, answers: list[Refusal | int | Exception], leads: int, after: bool
) -> None:
    for call in count(1):
        line = WaitingLine.of(3, candidates=(ONE, TWO))
        line.machines.answers = list(answers)
        leader = line.runs[leads]
        line.park(*(run for run in line.runs if run != leader))
        fuse = Fuse(call, after)
        if not dies_while_entering(line, leader, fuse):
            assert call > 10, "the fuse was nowhere in the way"
            return
        stopped_clock.go_on(2)
        after_a_death(line, fuse, leader)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_a_leader_dies_another_one_may_come_before_its_next_try(
    stopped_clock: StoppedClock, after: bool
) -> None:
    for call in count(1):
        line = WaitingLine.of(3)
        leader, other, _ = line.runs
        line.park(*line.runs[1:])
        fuse = Fuse(call, after)
        if not dies_while_entering(line, leader, fuse):
            return
        stopped_clock.go_on(61)
        if line.table.ticket(other):
            line.enter(other)
        after_a_death(line, fuse, leader)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_two_leaders_in_a_row_may_die(stopped_clock: StoppedClock, after: bool) -> None:
    for first in range(1, 30):
        for second in count(1):
            line = WaitingLine.of(2)
            leader = line.runs[0]
            line.park(line.runs[1])
            fuses = Fuse(first, after), Fuse(second, after)
            if not dies_while_entering(line, leader, fuses[0]):
                return
            stopped_clock.go_on(2)
            if not dies_while_entering(line, leader, fuses[1]):
                break
            stopped_clock.go_on(2)
            after_a_death(line, fuses[1], leader)
