from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.jobs.job import JobStatus, MachineRecord
from functions.jobs.pricing import REQUESTS, Cost, Prices, for_seconds, job_cost, machine_cost, usd
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine

LAUNCHED = "2026-01-31T09:00:00.000Z"
LATER = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
HOURLY = 36_000  # micro-USD, ten a second


def lived(until: str | None) -> MachineRecord:
    machine = a_machine(launched_at=LAUNCHED, hourly_micro_usd=HOURLY)
    return machine.ended(until, "seen") if until else machine


@pytest.mark.parametrize(
    ("seconds", "micro_usd"),
    [(0, 600), (59.2, 600), (60, 600), (60.001, 610), (3600, 36_000)],
)
def test_a_machine_is_billed_by_the_second_and_for_a_minute_at_least(seconds: float, micro_usd: int) -> None:
    assert for_seconds(HOURLY, seconds) == micro_usd + REQUESTS


def test_a_price_that_does_not_divide_is_rounded_up() -> None:
    assert for_seconds(1, 60) == 1 + REQUESTS


def test_a_machine_costs_up_to_its_end_and_up_to_now_while_it_lives() -> None:
    assert machine_cost(lived("2026-01-31T09:02:00.000Z"), LATER) == 1_200 + REQUESTS
    assert machine_cost(lived(None), LATER) == 18_000 + REQUESTS


def test_a_machine_has_its_price_with_its_disk_and_address() -> None:
    prices = Prices({"t4g.small": {"spot": 19_200}}, disk=2_087, address=5_000)
    assert prices.hourly("t4g.small", "spot") == 26_287
    assert (prices.hourly("t4g.small", "on-demand"), prices.hourly("t4g.large", "spot")) == (None, None)


def test_a_job_costs_what_its_machines_do() -> None:
    ended, alive = lived("2026-01-31T09:02:00.000Z"), lived(None)
    job = replace(a_job(status=JobStatus.FAILED), machines=(ended, alive))
    assert job_cost(job, LATER) == Cost(19_200 + 2 * REQUESTS, 1_920, is_final=False)
    over = replace(job, machines=(ended,))
    assert job_cost(over, LATER) == Cost(1_200 + REQUESTS, 120, is_final=True)


def test_a_job_without_a_machine_has_cost_nothing_yet() -> None:
    assert job_cost(a_job(), LATER) == Cost(0, 0, is_final=False)
    assert job_cost(a_job(status=JobStatus.CANCELLED), LATER) == Cost(0, 0, is_final=True)


def test_what_a_machine_without_a_known_price_costs_is_unknown_and_not_nothing() -> None:
    unknown = replace(lived(None), hourly_micro_usd=None)
    assert machine_cost(unknown, LATER) is None
    assert job_cost(replace(a_job(), machines=(lived(LAUNCHED), unknown)), LATER) is None


def test_amounts_are_written_as_decimals() -> None:
    assert [usd(amount) for amount in (0, 842, 1_234_567_890)] == ["0.000000", "0.000842", "1234.567890"]
