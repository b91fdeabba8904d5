from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from benchmarks.burst import (
    Bound,
    Case,
    Row,
    alone,
    bound,
    cases,
    complaints,
    figures_of,
    machine_price,
    play,
    prices,
    seconds_for,
    table,
)
from simulation.quotas import Quota


def test_a_full_bucket_gives_its_burst_at_once_and_the_rest_as_it_is_refilled() -> None:
    assert [seconds_for(tokens, Quota(1_000, 2)) for tokens in (1, 1_000, 1_001, 3_000)] == [0.0, 0.0, 0.5, 1_000.0]


@pytest.mark.parametrize(
    ("jobs", "slots", "expected"),
    [
        (100, 10_000, Bound(60.0, "one job")),
        # 150 executions more than the bucket holds, at 150 a second, and then a job's minute.
        (950, 10_000, Bound(61.0, "StartExecution")),
        # 9,000 machines more than the bucket holds, at 2 a second.
        (10_000, 10_000, Bound(4_560.0, "RunInstances")),
        (1_000, 50, Bound(1_200.0, "slots")),
        (1_001, 50, Bound(1_260.0, "slots")),
    ],
)
def test_a_burst_is_bound_by_whatever_is_scarcest(jobs: int, slots: int, expected: Bound) -> None:
    assert bound(jobs, slots, 60.0) == expected


def test_a_machine_is_paid_for_a_minute_at_least_and_then_by_the_second() -> None:
    assert machine_price(20) == machine_price(60) == pytest.approx(60 * 0.0242 / 3600)
    assert machine_price(90) == pytest.approx(1.5 * machine_price(60))


def test_every_service_has_its_price() -> None:
    assert prices(
        machine_seconds=[3600.0, 3600.0],
        function_seconds=4e6,
        invocations=1_000_000,
        transitions=1_000,
        reads=1_000_000,
        writes=1_000_000,
        s3_reads=1_000,
        s3_writes=1_000,
    ) == pytest.approx(
        {
            "EC2": 2 * 0.0242,
            "Step Functions": 0.025,
            "Lambda": 13.3334 + 0.2,
            "DynamoDB": 0.915,
            "S3": 0.00583,
        }
    )


def test_every_burst_has_its_baseline_and_the_middle_one_the_default_slots() -> None:
    assert [(case.jobs, case.slots, case.batch) for case in cases([100, 1_000])] == [
        (100, 10_000, None),
        (100, 10_000, 1),
        (1_000, 10_000, None),
        (1_000, 10_000, 1),
        (1_000, 50, None),
    ]
    assert [(case.jobs, case.slots, case.batch) for case in cases([10_000])] == [(10_000, 10_000, None)]


@pytest.fixture(scope="module")
def batched() -> Row:
    return play(Case("in batches", 5), 60.0)


def test_a_small_burst_is_played_to_its_end_and_measured(batched: Row) -> None:
    assert complaints([batched]) == []
    assert 60 < batched.makespan_s < 180
    assert batched.ratio == pytest.approx(batched.makespan_s / 60)
    assert batched.calls["states:StartExecution"] == 1.0
    assert batched.calls["ec2:RunInstances"] < 1.0
    assert batched.usd > batched.usd_per_job["EC2"] >= machine_price(0)
    assert json.loads(json.dumps(asdict(batched)))["case"]["jobs"] == 5
    lines = table([batched, batched]).splitlines()
    assert {len(line) for line in lines} == {64}


def test_a_job_alone_takes_what_machine_and_script_take_and_little_more() -> None:
    assert 60 < alone(range(2)) < 80


def test_a_burst_that_loses_a_job_or_breaks_a_rule_is_no_result(batched: Row) -> None:
    assert complaints([replace(batched, unfinished=1, problems=["3 slots are held, 2 there are"])]) == [
        "5 jobs, in batches: 3 slots are held, 2 there are",
        "5 jobs, in batches: 1 have not succeeded",
    ]


def test_a_bursts_figures_are_beside_what_quotas_allow_and_what_one_call_a_machine_takes(batched: Row) -> None:
    single = play(Case("one by one", 5, batch=1), 60.0)
    found = {figure.name: figure for figure in figures_of([batched, single])}
    assert found["burst 5, in batches: makespan"].ratio == batched.ratio
    launches = found["burst 5, in batches: RunInstances calls a job"]
    assert (launches.value, launches.baseline) == (batched.calls["ec2:RunInstances"], single.calls["ec2:RunInstances"])
    assert single.calls["ec2:RunInstances"] >= 1.0
    assert found["burst 5, in batches: AWS calls a job"].value > 30
    alone = {figure.name: figure for figure in figures_of([batched])}
    assert alone["burst 5, in batches: RunInstances calls a job"].baseline is None
