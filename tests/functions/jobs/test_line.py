from __future__ import annotations

import pytest

from functions.jobs.line import Line
from functions.jobs.ports import Slot, Turn
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.line_table import FakeLineTable
from tests.functions.fakes.machines import a_machine
from tests.functions.fakes.workflow import FakeWorkflow
from tests.functions.jobs.waiting_line import WaitingLine

# Those who begin to wait at one moment come by their jobs' ids.
pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_room_is_told_to_the_longest_wait_and_to_nobody_else(stopped_clock: StoppedClock) -> None:
    line = WaitingLine.of(3)
    for number in (2, 0, 1):
        line.park(line.runs[number])
        stopped_clock.go_on(1)
    line.line.hand_over()
    assert [line.heard(run) for run in line.runs] == [[], [], ["YourTurn"]]


def test_a_leader_and_those_it_launches_for_are_not_told_that_there_may_be_room() -> None:
    line = WaitingLine.of(2)
    line.park(*line.runs)
    lead = line.table.lead(line.runs[0].name)
    assert lead
    line.line.hand_over()
    assert line.flow.answers == [], "the leader looks again when it has given the lead back"
    line.table.rest(lead, Turn(1))
    line.line.hand_over()
    assert line.heard(line.runs[0]) == ["YourTurn"]


def test_who_does_not_listen_is_passed_over() -> None:
    line = WaitingLine.of(3)
    line.park(*line.runs)
    line.flow.dead |= {line.table.tickets[run.name].token for run in line.runs[:2]}
    line.line.hand_over()
    assert line.heard(line.runs[2]) == ["YourTurn"]


def test_a_line_of_whom_nobody_listens_is_left_to_come_by_itself() -> None:
    line = WaitingLine.of(8)
    line.park(*line.runs)
    line.flow.dead |= {line.table.tickets[run.name].token for run in line.runs[:5]}
    line.line.hand_over()
    assert line.flow.answers == [], "those further back are not asked"


def test_who_is_told_keeps_its_place() -> None:
    line = WaitingLine.of(1)
    line.park(line.runs[0])
    line.line.hand_over()
    assert line.heard(line.runs[0]) == ["YourTurn"]
    assert line.table.ticket(line.runs[0])


def test_a_run_that_is_told_of_its_machine_has_left_the_line() -> None:
    line = WaitingLine.of(1)
    line.park(line.runs[0])
    slot = Slot(line.runs[0], a_machine())
    assert line.line.tell(line.table.tickets[line.runs[0].name], slot)
    assert line.heard(line.runs[0]) == ["i-1"]
    assert line.table.oldest(9) == []


def test_that_nobody_listens_is_answered() -> None:
    line = WaitingLine.of(1)
    line.park(line.runs[0])
    ticket = line.table.tickets[line.runs[0].name]
    line.flow.dead.add(ticket.token)
    assert not line.line.tell(ticket, Slot(line.runs[0], a_machine()))


def test_a_run_whose_step_was_tried_anew_meanwhile_hears_through_its_new_token() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.park(run)
    old = line.table.tickets[run.name]
    line.flow.dead.add(old.token)
    line.park(run)
    assert line.line.tell(old, Slot(run, a_machine()))
    assert line.flow.woken == [f"{run.name}/2"]
    assert line.table.oldest(9) == []


def test_a_place_in_line_for_a_later_attempt_outlasts_a_machine_for_an_earlier_one() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.park(run)
    earlier = line.table.tickets[run.name]
    line.park(run, attempt=2)
    line.line.tell(earlier, Slot(run, a_machine()))
    assert [ticket.attempt for ticket in line.table.oldest(9)] == [2]


def test_a_later_attempt_is_not_told_of_an_earlier_ones_machine() -> None:
    line = WaitingLine.of(1)
    (run,) = line.runs
    line.park(run)
    earlier = line.table.tickets[run.name]
    line.flow.dead.add(earlier.token)
    line.park(run, attempt=2)
    assert not line.line.tell(earlier, Slot(run, a_machine()))
    assert line.flow.answers == []


def test_a_machine_that_is_gone_frees_its_slot_for_whoever_waits_longest() -> None:
    line = WaitingLine.of(3)
    ended, *waiting = line.runs
    line.table.grant([Slot(ended, a_machine("i-1"))])
    line.park(*waiting)
    line.line.give_back(ended, {"i-1": None})
    assert line.table.slots() == []
    assert [line.heard(run) for run in waiting] == [["YourTurn"], []]


def test_another_machines_end_does_not_free_the_slot() -> None:
    line = WaitingLine.of(1)
    line.table.grant([Slot(line.runs[0], a_machine("i-2"))])
    line.line.give_back(line.runs[0], {"i-1": None})
    assert len(line.table.slots()) == 1


def test_a_run_that_never_had_a_machine_still_makes_way_for_the_next() -> None:
    line = WaitingLine.of(2)
    line.park(line.runs[1])
    line.line.give_back(line.runs[0], {})
    assert line.heard(line.runs[1]) == ["YourTurn"]


def test_a_run_that_hears_that_it_is_turned_down_has_left_the_line() -> None:
    line = WaitingLine.of(2)
    line.park(*line.runs)
    listening, sleeping = (line.table.tickets[run.name] for run in line.runs)
    line.flow.dead.add(sleeping.token)
    told = [line.line.turn_down(ticket, "QueueTimeout", "no machine") for ticket in (listening, sleeping)]
    assert told == [True, False]
    assert line.table.oldest(9) == [sleeping], "with the time that it has waited"


def test_a_run_that_is_sent_away_is_out_of_the_line_and_knows_why() -> None:
    line = WaitingLine.of(1)
    line.park(line.runs[0])
    line.line.send_away(line.runs[0], "JobEnded", "cancelled on request")
    assert line.table.oldest(9) == []
    (answer,) = line.flow.answers
    assert (answer.error, answer.cause) == ("JobEnded", "cancelled on request")


def test_sending_away_a_run_that_does_not_wait_tells_nobody() -> None:
    table, flow = FakeLineTable(), FakeWorkflow()
    Line(table, flow).send_away(WaitingLine.of(1).runs[0], "JobEnded", "cancelled on request")
    assert flow.answers == []
