"""Caps on spending, where machines are launched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.jobs import serving
from functions.jobs.clock import now
from functions.jobs.errors import JobCostCap
from functions.jobs.ports import Batch, Charge, Turn
from functions.jobs.pricing import LOOK, REQUESTS, Prices, looks
from functions.jobs.serving import MAX_BATCH
from functions.jobs.spending import Caps, Spending, today
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.jobs.waiting_line import ONE, WaitingLine

pytestmark = pytest.mark.usefixtures("stopped_clock")

PRICES = Prices({"t4g.small": {"on-demand": 36_000}})
MOST = 36_000 + REQUESTS + LOOK * looks(3_600)


def capped(**caps: int) -> Spending:
    return Spending(PRICES, Caps(**caps), ("t4g.small",), ("on-demand",), timedelta(minutes=50))


def test_a_machine_has_the_price_of_its_launch() -> None:
    line = WaitingLine.of(1, spending=capped())
    line.enter(line.runs[0])
    slot = line.table.slot(line.runs[0])
    assert slot is not None
    assert slot.machine.hourly_micro_usd == 36_000


def test_a_burst_waits_for_what_machines_may_cost_and_goes_on_with_what_they_did_not() -> None:
    line = WaitingLine.of(4, spending=capped(owner_a_day=2 * MOST))
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert line.counts == [2]
    assert [line.heard(run) for run in line.runs] == [["i-1"], ["i-2"], [], []]
    slot = line.table.slot(line.runs[0])
    assert slot is not None
    line.line.give_back(line.runs[0], {"i-1": slot.machine.ended(now(), "seen")})
    line.settle()
    assert line.heard(line.runs[2]) == ["YourTurn"], "a minute was billed: there is no room yet"
    line.spending = capped(owner_a_day=2 * MOST + 600 + REQUESTS)
    line.line.hand_over()
    line.settle()
    assert line.heard(line.runs[2])[-1] == "i-3"


def test_who_waits_for_what_machines_may_cost_can_read_that_in_the_timeline() -> None:
    line = WaitingLine.of(2, spending=capped(owner_a_day=2 * MOST - 1))
    for run in line.runs:
        line.enter(run)
    assert [event.event for event in line.job(line.runs[1]).timeline] == ["waiting"]


def test_once_the_days_spending_leaves_no_room_all_who_wait_are_told() -> None:
    line = WaitingLine.of(3, spending=capped(stack_a_day=2 * MOST))
    line.table.charge(Charge(today(), "bob", "i-9", MOST + 1))
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert line.counts == []
    assert [line.heard(run) for run in line.runs] == [["SpendingCapReached"]] * 3
    assert line.table.oldest(10) == []


def test_whoever_is_stopped_by_a_cap_does_not_hide_who_comes_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_BATCH", 2)
    line = WaitingLine.of(40, spending=capped(owner_a_day=MOST))
    other = a_job(owner="bob", id="01926b3c-7f3e-7c2a-9d51-999999999999")
    line.jobs.add(other)
    line.runs = [*line.runs, other.this_run]
    line.park(*line.runs[1:])
    line.enter(line.runs[0])
    assert line.heard(line.runs[0]) == ["i-1"]
    line.settle()
    assert line.heard(other.this_run)[-1] == "i-2"


def test_a_machine_that_nobody_waited_for_any_more_is_charged_all_the_same() -> None:
    line = WaitingLine.of(2, spending=capped())
    dead = line.table.lead("one that died")
    assert dead is not None
    batch = Batch("batch-of-the-dead", ONE, tuple((run, 1) for run in line.runs))
    line.table.remember(dead, batch)
    line.table.rest(dead, Turn(MAX_BATCH, unfinished=batch))
    line.enter(line.runs[0])
    assert line.alive == ["i-1"]
    assert [(one.instance_id, one.micro_usd) for one in line.table.charges.values()] == [("i-2", 600 + REQUESTS)]


def test_a_job_that_one_more_machine_might_make_too_dear_gets_none() -> None:
    line = WaitingLine.of(1, spending=capped(job=MOST))
    (run,) = line.runs
    lost = a_machine(launched_at=now(), hourly_micro_usd=36_000).ended(now(), "seen")
    line.jobs.update(run.owner, run.job_id, lambda job: job.with_machine(lost))
    line.park(run, attempt=2)
    with pytest.raises(JobCostCap):
        line.enter(run, attempt=2)
    assert (line.table.oldest(10), line.counts) == ([], [])
