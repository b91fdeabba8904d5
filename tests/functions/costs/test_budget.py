from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.costs.budget import AdmissionDecision, Budget, Caps, Estimate, Spending, today
from functions.costs.ports import Charge
from functions.costs.pricing import LOOK, REQUESTS, Prices, looks
from functions.jobs.clock import now
from functions.jobs.errors import JobCostCap, SpendingCap
from functions.jobs.job import Overrides, Run
from functions.scheduling.ports import Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.fakes.tables import in_memory, new_scheduling_table

HOURLY = 36_000
PRICES = Prices({"t4g.small": {"on-demand": HOURLY}, "m6g.large": {"on-demand": 2 * HOURLY}})
SPENDING = Spending(PRICES, Caps(), ("t4g.small",), ("on-demand",), timedelta(minutes=50), max_attempts=3)
# For the deadline and ten minutes more, with what the workflow does meanwhile.
BESIDE = REQUESTS + LOOK * looks(3_600)
MOST = HOURLY + BESIDE
ALICE, BOB = Run("alice", JOB_ID), Run("bob", OTHER_ID)


def capped(owner: int = 0, stack: int = 0, job: int = 0) -> Spending:
    return replace(SPENDING, caps=Caps(job, owner, stack))


def a_slot(run: Run, instance_id: str = "i-1") -> Slot:
    """Of a machine that is launched now."""
    return Slot(run, a_machine(instance_id, launched_at=now(), hourly_micro_usd=HOURLY))


def table_of(charges: Iterable[Charge] = (), slots: Iterable[Slot] = ()) -> DynamoSchedulingTable:
    table = new_scheduling_table()
    for charge in charges:
        table.charge(charge)
    table.grant_slots(list(slots))
    return table


def spent(owner: str, amount: int, instance_id: str = "i-9", day: str | None = None) -> Charge:
    return Charge(day or today(), owner, instance_id, amount)


def test_a_machine_may_cost_what_the_dearest_type_costs_until_its_deadline() -> None:
    assert SPENDING.most() == MOST
    assert replace(SPENDING, instance_types=("t4g.small", "m6g.large")).most() == 2 * HOURLY + BESIDE
    assert SPENDING.most("m6g.large") == 2 * HOURLY + BESIDE
    assert Spending().most() is None


def test_the_estimate_is_of_the_first_choice_and_of_all_attempts() -> None:
    assert SPENDING.estimate() == Estimate("t4g.small", "on-demand", HOURLY, HOURLY, HOURLY, 3 * MOST)
    assert capped(job=2 * MOST).estimate() == Estimate("t4g.small", "on-demand", HOURLY, HOURLY, HOURLY, 2 * MOST)
    assert replace(SPENDING, instance_types=("c7g.large",)).estimate() is None


def test_a_machine_that_is_alive_is_reckoned_with_what_it_may_cost(stopped_clock: StoppedClock) -> None:
    table = table_of(slots=[a_slot(ALICE)])
    stopped_clock.go_on(600)
    so_far = 6_000 + REQUESTS + LOOK * looks(600)
    budget = Budget.of_today(capped(owner=2 * MOST), table)
    assert (budget.spent["alice"], budget.reserved["alice"]) == (so_far, MOST - so_far)


def test_a_burst_gets_no_more_machines_than_a_cap_has_room_for_if_each_costs_what_it_may(
    stopped_clock: StoppedClock,
) -> None:
    budget = Budget.of_today(capped(owner=3 * MOST), table_of())
    assert [budget.admit("alice") for _ in range(5)] == [AdmissionDecision.GRANTED] * 3 + [AdmissionDecision.HELD] * 2
    assert budget.admit("bob") is AdmissionDecision.GRANTED


def test_what_machines_did_not_cost_is_there_for_others_once_they_are_gone(stopped_clock: StoppedClock) -> None:
    spending, slot = capped(owner=2 * MOST), a_slot(ALICE)
    table = table_of([spent("alice", 1_000)], [slot])
    assert Budget.of_today(spending, table).admit("alice") is AdmissionDecision.HELD
    table.charge(spent("alice", 2_000, slot.machine.instance_id))
    table.release_slot(ALICE, slot.machine.instance_id)
    assert Budget.of_today(spending, table).admit("alice") is AdmissionDecision.GRANTED


def test_a_machine_whose_end_is_being_written_counts_once(stopped_clock: StoppedClock) -> None:
    slot = a_slot(ALICE)
    table = table_of([spent("alice", 700, slot.machine.instance_id)], [slot])
    budget = Budget.of_today(capped(owner=MOST), table)
    assert (budget.spent["alice"], budget.reserved["alice"]) == (700, 0)


def test_an_owner_who_has_spent_the_day_is_refused_with_the_next_days_begin(stopped_clock: StoppedClock) -> None:
    budget = Budget.of_today(capped(owner=2 * MOST), table_of([spent("alice", MOST + 1)]))
    assert (budget.admit("alice"), budget.admit("bob")) == (AdmissionDecision.REFUSED, AdmissionDecision.GRANTED)
    refusal = budget.refusal("alice") or ""
    assert refusal.startswith("Your machines have cost 0.037981 USD today")
    assert "00:00 UTC" in refusal


def test_the_stacks_cap_is_for_everybody_together(stopped_clock: StoppedClock) -> None:
    charges = [spent("alice", MOST, "i-8"), spent("bob", 1, "i-9")]
    budget = Budget.of_today(capped(stack=2 * MOST), table_of(charges))
    assert budget.admit("carol") is AdmissionDecision.REFUSED
    assert (budget.refusal("carol") or "").startswith("This stack's machines have cost")


def test_no_entry_is_passed_over_by_a_cheaper_machine_further_back(stopped_clock: StoppedClock) -> None:
    dear = 2 * HOURLY + BESIDE
    budget = Budget.of_today(capped(owner=MOST + dear - 1), table_of())
    decisions = [budget.admit("alice", requested_type) for requested_type in (None, "m6g.large", None)]
    assert decisions == [AdmissionDecision.GRANTED, AdmissionDecision.HELD, AdmissionDecision.HELD]


def test_yesterdays_machines_are_not_todays(stopped_clock: StoppedClock) -> None:
    slot = a_slot(ALICE)
    table = table_of([spent("alice", 5 * MOST)], [slot])
    stopped_clock.go_on(86_400)
    budget = Budget.of_today(capped(owner=MOST), table)
    assert (budget.spent["alice"], budget.admit("alice")) == (0, AdmissionDecision.GRANTED)


def test_a_day_that_is_spent_is_told_before_a_job_is_stored(stopped_clock: StoppedClock) -> None:
    table = table_of([spent("alice", MOST)])
    for spending in (capped(owner=2 * MOST - 1), capped(stack=2 * MOST - 1)):
        with pytest.raises(SpendingCap, match="00:00 UTC"):
            spending.check_day(table, "alice")
    capped(owner=2 * MOST - 1).check_day(table, "bob")
    capped(owner=2 * MOST).check_day(table, "alice")


def test_without_a_cap_nothing_is_read() -> None:
    class Untouched(DynamoSchedulingTable):
        def slots(self) -> list[Slot]:
            raise AssertionError("read")

    SPENDING.check_day(in_memory(Untouched), "alice")


def test_a_job_gets_no_machine_that_might_take_it_beyond_its_cap(stopped_clock: StoppedClock) -> None:
    machine = replace(a_slot(ALICE).machine, terminated_at=now())
    job = replace(a_job(), machines=(machine,))
    cost = 600 + REQUESTS
    capped(job=cost + MOST).check_job(job)
    with pytest.raises(JobCostCap, match=r"has cost 0.000980 USD.* up to 0.037980 USD; a job may cost 0.038959 USD"):
        capped(job=cost + MOST - 1).check_job(job)
    with pytest.raises(JobCostCap):
        capped(job=cost + MOST).check_job(replace(job, overrides=Overrides("m6g.large")))


def test_the_settings_are_read_from_what_the_program_wrote() -> None:
    text = (
        '{"prices": {"machines": {"t4g.small": {"on-demand": 36000}}, "disk": 0, "address": 0}, "max_attempts": 3,'
        ' "caps": {"job": 1, "owner_a_day": 2, "stack_a_day": 3}, "instance_types": ["t4g.small"],'
        ' "markets": ["on-demand"], "machine_deadline_seconds": 3000}'
    )
    prices = Prices({"t4g.small": {"on-demand": HOURLY}})
    assert Spending.from_json(text) == replace(SPENDING, prices=prices, caps=Caps(1, 2, 3))
