from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.costs.pricing import LOOK, REQUESTS, Cost, Prices, for_seconds, job_cost, looks, machine_cost, usd
from functions.jobs.job import JobStatus, MachineReceipt
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine

LAUNCHED = "2026-01-31T09:00:00.000Z"
LATER = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
HOURLY = 36_000  # micro-USD, ten a second


def lived(until: str | None) -> MachineReceipt:
    machine = a_machine(launched_at=LAUNCHED, hourly_micro_usd=HOURLY)
    return machine.ended(until, "seen") if until else machine


@pytest.mark.parametrize(
    ("seconds", "micro_usd"),
    [(0, 600), (59.2, 600), (60, 600), (60.001, 610), (3600, 36_000)],
)
def test_a_machine_is_billed_by_the_second_and_for_a_minute_at_least(seconds: float, micro_usd: int) -> None:
    assert for_seconds(HOURLY, seconds) == micro_usd + REQUESTS + LOOK * looks(math.ceil(seconds))


def test_what_the_workflow_does_while_a_machine_works_is_in_its_price() -> None:
    """State transitions are billed, 25 micro-USD each: Await, Inspect and Verdict for every look."""
    hour, two_days = looks(3_600), looks(172_800)
    assert (looks(60), looks(61), looks(126), looks(127)) == (0, 1, 1, 2)
    assert (hour, two_days) == (20, 81)
    assert for_seconds(0, 172_800) == REQUESTS + two_days * LOOK
    assert LOOK >= 3 * 25


def test_a_price_that_does_not_divide_is_rounded_up() -> None:
    assert for_seconds(1, 60) == 1 + REQUESTS


def test_a_machine_costs_up_to_its_end_and_up_to_now_while_it_lives() -> None:
    assert machine_cost(lived("2026-01-31T09:02:00.000Z"), LATER) == 1_200 + REQUESTS + LOOK
    assert machine_cost(lived(None), LATER) == 18_000 + REQUESTS + LOOK * looks(1_800)


def test_a_machine_has_its_price_with_its_disk_and_address() -> None:
    prices = Prices({"t4g.small": {"spot": 19_200}}, disk=2_087, address=5_000)
    assert prices.hourly("t4g.small", "spot") == 26_287
    assert (prices.hourly("t4g.small", "on-demand"), prices.hourly("t4g.large", "spot")) == (None, None)


def test_a_job_costs_what_its_machines_do() -> None:
    ended, alive = lived("2026-01-31T09:02:00.000Z"), lived(None)
    job = replace(a_job(status=JobStatus.FAILED), machines=(ended, alive))
    waited = LOOK * (looks(1_800) + 1)
    assert job_cost(job, LATER) == Cost(
        19_200 + 2 * REQUESTS + waited, 19_200 + 2 * REQUESTS + waited, 1_920, is_final=False
    )
    over = replace(job, machines=(ended,))
    assert job_cost(over, LATER) == Cost(1_200 + REQUESTS + LOOK, 1_200 + REQUESTS + LOOK, 120, is_final=True)


def test_a_job_without_a_machine_has_cost_nothing_yet() -> None:
    assert job_cost(a_job(), LATER) == Cost(0, 0, 0, is_final=False)
    assert job_cost(a_job(status=JobStatus.CANCELLED), LATER) == Cost(0, 0, 0, is_final=True)


def test_a_burstable_machine_may_have_cost_its_surplus_credits_too() -> None:
    prices = Prices({"t4g.small": {"spot": 19_200}}, disk=2_087, address=5_000, burst={"t4g.small": 64_000})
    assert prices.most_hourly("t4g.small", "spot") == 26_287 + 64_000
    assert (prices.most_hourly("t4g.small", "on-demand"), prices.hourly("t4g.small", "spot")) == (None, 26_287)
    ended = replace(lived("2026-01-31T09:01:00.000Z"), burst_micro_usd=64_000)
    assert machine_cost(ended, LATER) == for_seconds(HOURLY + 64_000, 60)
    cost = job_cost(replace(a_job(), machines=(ended, replace(ended, burst_micro_usd=0))), LATER)
    assert cost is not None
    assert cost.micro_usd == for_seconds(HOURLY + 64_000, 60) + for_seconds(HOURLY, 60)
    assert cost.least_micro_usd == 2 * for_seconds(HOURLY, 60)


def test_what_a_machine_without_a_known_price_costs_is_unknown_and_not_nothing() -> None:
    unknown = replace(lived(None), hourly_micro_usd=None)
    assert machine_cost(unknown, LATER) is None
    assert job_cost(replace(a_job(), machines=(lived(LAUNCHED), unknown)), LATER) is None


def test_amounts_are_written_as_decimals() -> None:
    assert [usd(amount) for amount in (0, 842, 1_234_567_890)] == ["0.000000", "0.000842", "1234.567890"]
