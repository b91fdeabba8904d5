"""What a job will cost, and what it has cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mayfly.cost import dollars
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import FakeStack


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
    assert "About" not in run("submit", source, "--text", "x").stderr, "an earlier version does not say"
    stack.allowed = {"price": {"usd_per_minute": "0.000439", "max_usd_per_job": "0.274692"}}
    told = run("submit", source, "--text", "x").stderr
    assert "About $0.00044 a minute of machine, at most $0.28 a job." in told
    stack.allowed["price"]["max_usd_per_minute"] = "0.001505"
    told = run("submit", source, "--text", "x").stderr
    assert "About $0.00044 a minute of machine, $0.0016 while its processors are busy, at most $0.28 a job." in told
    done = run("submit", source, "--text", "x", "--json")
    assert (json.loads(done.stdout)["jobs"][0]["status"], "About" in done.stderr) == ("queued", False)


def test_a_job_is_shown_and_listed_with_its_cost_so_far_or_for_good(run: Run, stack: FakeStack) -> None:
    job = stack.add_job()
    assert "Cost       $" not in run("show", job["id"]).stdout
    job["cost"] = {"usd": "0.001029", "is_final": False, "machine_seconds": 60}
    assert "Cost       $0.0011 so far" in run("show", job["id"]).stdout.splitlines()
    job["cost"]["is_final"] = True
    assert "Cost       $0.0011" in run("show", job["id"]).stdout.splitlines()
    job["cost"] |= {"min_usd": "0.001029", "usd": "0.002096"}
    assert "Cost       at most $0.0021" in run("show", job["id"]).stdout.splitlines()
    job["cost"]["usd"] = "0.001029"
    assert run("jobs").stdout.splitlines()[1].rstrip().endswith("$0.0011")
    assert document(run("jobs", "--json"))["jobs"][0]["cost"]["usd"] == "0.001029"
