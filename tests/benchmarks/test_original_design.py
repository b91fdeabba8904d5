from __future__ import annotations

import pytest

from benchmarks.burst import Case, play
from benchmarks.original_design import ORIGINAL, BlockingDesign, figures_of


def test_the_original_design_is_billed_for_its_sleeps_whatever_the_job() -> None:
    assert ORIGINAL.seconds == 245
    assert ORIGINAL.billed_ms == 245_000
    assert BlockingDesign(boot_sleep_s=0, script_sleep_s=0).billed_ms == 5_000


def test_its_price_is_that_of_the_sleeping_function_and_of_a_machine_for_four_minutes() -> None:
    assert ORIGINAL.function_usd == pytest.approx(245 * 0.125 * 0.0000133334 + 0.0000002)
    assert ORIGINAL.machine_usd == pytest.approx(240 * 0.0242 / 3600)


def test_a_job_is_billed_a_fraction_of_the_originals_function_time_and_ends_sooner() -> None:
    row = play(Case("in batches", 3), 60.0)
    billed, orchestration, whole, ended = figures_of(row, 70.0)
    assert billed.value == row.function_ms
    assert billed.meets_its_goal
    assert orchestration.value == pytest.approx((row.usd - row.usd_per_job["EC2"]) * 1e6)
    assert whole.value > orchestration.value
    assert whole.meets_its_goal
    assert ended.ratio == pytest.approx(70 / 245)
