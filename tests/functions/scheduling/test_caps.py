"""Caps on spending, where machines are launched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.costs.budget import Caps, Spending, today
from functions.costs.ports import Charge
from functions.costs.pricing import LOOK, REQUESTS, Prices, looks
from functions.jobs.clock import now
from functions.jobs.errors import JobCostCap
from functions.scheduling import scheduler
from functions.scheduling.scheduler import candidates
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.scheduling.waiting_queue import WaitingQueue

pytestmark = pytest.mark.usefixtures("stopped_clock")

PRICES = Prices({"t4g.small": {"on-demand": 36_000}})
MOST = 36_000 + REQUESTS + LOOK * looks(3_600)


def capped(**caps: int) -> Spending:
    return Spending(PRICES, Caps(**caps), ("t4g.small",), ("on-demand",), timedelta(minutes=50))


def test_a_machine_has_the_price_of_its_launch() -> None:
    queue = WaitingQueue.of(1, spending=capped())
    queue.launch(queue.runs[0])
    assert queue.slot(queue.runs[0]).machine.hourly_micro_usd == 36_000


def test_a_burst_waits_for_what_machines_may_cost_and_goes_on_with_what_they_did_not() -> None:
    queue = WaitingQueue.of(4, spending=capped(owner_a_day=2 * MOST))
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert queue.counts == [2]
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["i-2"], [], []]
    machine = queue.slot(queue.runs[0]).machine
    queue.queue.release_slot(queue.runs[0], {"i-1": machine.ended(now(), "seen")})
    queue.settle()
    assert queue.notified(queue.runs[2]) == ["CapacityAvailable"], "a minute was billed: there is no room yet"
    queue.spending = capped(owner_a_day=2 * MOST + 600 + REQUESTS)
    queue.queue.notify_next()
    queue.settle()
    assert queue.notified(queue.runs[2])[-1] == "i-3"


def test_who_waits_for_what_machines_may_cost_can_read_that_in_the_timeline() -> None:
    queue = WaitingQueue.of(2, spending=capped(owner_a_day=2 * MOST - 1))
    for run in queue.runs:
        queue.launch(run)
    assert [event.event for event in queue.job(queue.runs[1]).timeline] == ["waiting"]


def test_once_the_days_spending_leaves_no_room_all_who_wait_are_told() -> None:
    queue = WaitingQueue.of(3, spending=capped(stack_a_day=2 * MOST))
    queue.table.charge(Charge(today(), "bob", "i-9", MOST + 1))
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert queue.counts == []
    assert [queue.notified(run) for run in queue.runs] == [["SpendingCapReached"]] * 3
    assert queue.table.oldest(10) == []


def test_entries_stopped_by_a_cap_do_not_hide_those_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "MAX_BATCH", 2)
    queue = WaitingQueue.of(40, spending=capped(owner_a_day=MOST))
    other = a_job(owner="bob", id="01926b3c-7f3e-7c2a-9d51-999999999999")
    queue.jobs.add(other)
    queue.runs = [*queue.runs, other.this_run]
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert queue.notified(queue.runs[0]) == ["i-1"]
    queue.settle()
    assert queue.notified(other.this_run)[-1] == "i-2"


def test_a_machine_that_no_run_takes_is_charged_all_the_same() -> None:
    queue = WaitingQueue.of(2, spending=capped())
    queue.die_while_launching(*queue.runs)
    queue.launch(queue.runs[0])
    assert queue.alive == ["i-1"]
    ledger = queue.table.ledger(today())
    assert (ledger.machines, sum(ledger.spent.values())) == (frozenset({"i-2"}), 600 + REQUESTS)


@pytest.mark.parametrize(("cap", "told"), [(MOST - 1, "SpendingCapReached"), (MOST, "i-1")])
def test_what_is_reserved_for_a_run_covers_on_demand_capacity_which_it_asks_for_once_spot_is_lost(
    cap: int, told: str
) -> None:
    prices = Prices({"t4g.small": {"spot": 9_000, "on-demand": 36_000}})
    markets = ("spot", "on-demand")
    spending = Spending(prices, Caps(owner_a_day=cap), ("t4g.small",), markets, timedelta(minutes=50))
    queue = WaitingQueue.of(1, candidates=candidates(markets, ["t4g.small"], ["subnet-a"]), spending=spending)
    (run,) = queue.runs
    lost = a_machine("i-0", launched_at="2026-01-30T09:15:03.000Z", market="spot")
    queue.jobs.update(run.owner, run.job_id, lambda job: job.with_machine(lost))
    queue.launch(run, attempt=2)
    assert queue.notified(run) == [told]
    assert [call.candidate.market for call in queue.machines.asked] == ["on-demand"] * (cap == MOST)


def test_a_job_that_one_more_machine_might_make_too_dear_gets_none() -> None:
    queue = WaitingQueue.of(1, spending=capped(job=MOST))
    (run,) = queue.runs
    lost = a_machine(launched_at=now(), hourly_micro_usd=36_000).ended(now(), "seen")
    queue.jobs.update(run.owner, run.job_id, lambda job: job.with_machine(lost))
    queue.enqueue(run, attempt=2)
    with pytest.raises(JobCostCap):
        queue.launch(run, attempt=2)
    assert (queue.table.oldest(10), queue.counts) == ([], [])
