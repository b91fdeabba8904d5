from __future__ import annotations

import json
import time
from typing import Any

import pytest

from functions.aws.machines import AwsMachines
from functions.aws.metrics import EmfMetrics
from functions.monitoring.metrics import (
    COST,
    JOBS_ENDED,
    JOBS_FAILED,
    MACHINE_SECONDS,
    METRICS,
    QUEUED_SECONDS,
    Measurement,
)
from functions.scheduling.ports import Candidate
from simulation.metrics import SimulatedMetrics
from tests.functions.aws.stubbed import StubbedMachines

# The members and limits of "Specification: Embedded metric format" in the CloudWatch user guide.
_UNITS = {"Count", "Seconds", "None"}


def lines(capsys: pytest.CaptureFixture[str], *measurements: Measurement) -> list[dict[str, Any]]:
    EmfMetrics("dev").record(measurements)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_line_is_what_the_embedded_metric_format_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = lines(capsys, *(metric.of(1.5, "kind" if metric.by else None) for metric in METRICS))
    names = []
    for line in found:
        assert abs(line["_aws"]["Timestamp"] - time.time() * 1000) < 60_000
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        (dimensions,) = directive["Dimensions"]
        assert len(dimensions) <= 30
        assert all(isinstance(line[name], str) for name in dimensions)
        for metric in directive["Metrics"]:
            assert metric["Unit"] in _UNITS
            assert line[metric["Name"]] == [1.5]
            names.append((metric["Name"], tuple(dimensions[1:])))
        assert (directive["Namespace"], dimensions[0], line["stack"]) == ("Mayfly", "stack", "dev")
    assert sorted(names) == sorted((each.name, (each.by,) if each.by else ()) for each in METRICS)


def test_what_has_the_same_dimensions_shares_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    parts = [JOBS_ENDED.of(1, "failed"), QUEUED_SECONDS.of(2), JOBS_FAILED.of(1, "no_output"), COST.of(0.5)]
    alone, failure, outcome = lines(capsys, *parts, MACHINE_SECONDS.of(3), MACHINE_SECONDS.of(4))
    assert (alone["QueuedSeconds"], alone["CostUsd"], alone["MachineSeconds"]) == ([2], [0.5], [3, 4])
    assert (failure["code"], failure["Failures"]) == ("no_output", [1])
    assert (outcome["outcome"], outcome["Jobs"]) == ("failed", [1])
    assert "code" not in outcome


def test_a_stack_that_is_not_monitored_writes_no_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    assert lines(capsys, COST.of(1)) == []
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    assert len(lines(capsys, COST.of(1))) == 1


def test_a_refused_launch_is_measured_by_its_reason() -> None:
    aws, metrics = StubbedMachines(), SimulatedMetrics()
    aws.ec2.add_client_error("run_instances", "VcpuLimitExceeded")
    machines = AwsMachines(aws.clients, launch_template_id="lt-1", metrics=metrics)
    machines.launch(Candidate("t4g.small", "subnet-1", "spot"), 1, "token", {})
    assert metrics.values == {"LaunchRefusals quota": 1}
