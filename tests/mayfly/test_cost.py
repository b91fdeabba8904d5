"""What a job will cost, and what it has cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from functions.costs.budget import Spending
from mayfly.cost import dollars
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import FakeStack
from tests.stack.memory_stack import SPENDING


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0.000000", "$0"),
        ("0.000001", "$0.000001"),
        ("0.000439", "$0.00044"),
        ("0.026287", "$0.027"),
        ("0.274692", "$0.28"),
        ("12.340000", "$12.34"),
        ("1234.5", "$1234.50"),
    ],
)
def test_an_amount_has_two_digits_that_say_something_and_is_never_told_too_low(usd: str, shown: str) -> None:
    assert dollars(usd) == shown


def test_the_price_is_told_before_jobs_are_submitted(run: Run, stack: FakeStack, source: Path) -> None:
    told = run("submit", source, "--text", "x").stderr
    assert "About $0.00044 per minute ($0.0016 with busy processors)." in told
    assert "One minute is the minimum; a job costs at most $0.55." in told
    done = run("submit", source, "--text", "x", "--json")
    assert (json.loads(done.stdout)["jobs"][0]["status"], "About" in done.stderr) == ("queued", False)
    stack.configure(spending=replace(SPENDING, prices=replace(SPENDING.prices, burst={})))
    told = run("submit", source, "--text", "x").stderr
    assert "About $0.00044 per minute. One minute is the minimum; a job costs at most $0.17." in told
    stack.configure(spending=Spending())
    assert "About" not in run("submit", source, "--text", "x").stderr, "the price is not known"


def test_a_job_is_shown_and_listed_with_its_cost_so_far_or_for_good(run: Run, stack: FakeStack) -> None:
    job = stack.add()
    assert "Cost       up to $0.0019 so far" in run("show", job.id).stdout.splitlines()
    job.happen("machine_terminated")
    assert "Cost       at most $0.0019" in run("show", job.id).stdout.splitlines()
    assert run("jobs").stdout.splitlines()[1].rstrip().endswith("at most $0.0019")
    machine = job.job.machines[0]
    job.change(machines=(replace(machine, burst_micro_usd=0),))
    assert "Cost       $0.00082" in run("show", job.id).stdout.splitlines()
    assert document(run("jobs", "--json"))["jobs"][0]["cost"]["usd"] == "0.000819"
    job.change(machines=(replace(machine, hourly_micro_usd=None),))
    assert "Cost       $" not in run("show", job.id).stdout
