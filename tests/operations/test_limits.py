"""No stack that the settings allow can come to one of AWS's limits."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.execution.machine_report import MachineReport
from functions.execution.outcome import outcome_of
from functions.execution.ports import CommandState
from infra import history
from infra.config import ConfigError, StackConfig
from infra.spending import spending_settings
from infra.workflow import definition
from tests.infra.configured import ROOT, config_of
from tests.operations import limits
from tests.operations.limits import WorstCase

STEPS = dict.fromkeys(limits.STEPS, limits.ARN)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """What bears on times, retries and sizes, anywhere in its range and often at its ends."""

    def within(least: int, most: int) -> int:
        return draw(st.sampled_from([least, most]) | st.integers(least, most))

    usual = within(1, 2_760)
    kinds = [f"t4g.{'x' * draw(st.integers(1, 14))}" for _ in range(within(1, 10))]
    allowed = [f"c7gn.{'y' * draw(st.integers(1, 14))}" for _ in range(within(0, 15))]
    usd = draw(st.sampled_from(["0.0192", "999999.9999999999"]))
    return {
        "jobTimeoutMinutes": usual,
        "maxJobTimeoutMinutes": draw(st.sampled_from([0, 2_760]) | st.integers(usual, 2_760)),
        "bootTimeoutMinutes": within(1, 60),
        "queueTimeoutMinutes": within(1, 1_440),
        "maxAttempts": within(1, 10),
        "poolSize": within(0, 50),
        "instanceTypes": kinds,
        "allowedInstanceTypes": allowed,
        "markets": draw(st.sampled_from([["on-demand"], ["spot", "on-demand"]])),
        "prices": [f"{kind} {market} {usd}" for kind in [*kinds, *allowed] for market in ("spot", "on-demand")],
        "script": ["x" * within(1, 990)],
    }


def taken(config: StackConfig) -> dict[str, Any] | None:
    """The workflow of a stack, None where it is refused."""
    try:
        return definition(config, STEPS)
    except ConfigError:
        return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configurations())
def test_no_configuration_that_is_taken_comes_to_a_limit(values: dict[str, Any]) -> None:
    config = config_of(**values)
    machine = taken(config)
    if machine is None:
        assert config.max_attempts > 3
        return
    # Step Functions developer guide, "Quotas related to state machine executions", "… definitions", "Task state".
    assert history.most_events(machine["States"], config) < 25_000
    assert history.longest_run_minutes(config) < 365 * 1_440
    assert len(json.dumps(machine)) < 1_048_576
    waits = [state["TimeoutSeconds"] for state in machine["States"].values() if "TimeoutSeconds" in state]
    assert all(1 <= wait <= 99_999_999 for wait in waits if isinstance(wait, int))
    # Systems Manager: AWS-RunShellScript's executionTimeout, SendCommand's TimeoutSeconds.
    assert 1 <= limits.command_seconds(config) <= 172_800
    assert 30 <= config.boot_timeout_minutes * 60 <= 2_592_000
    # Lambda quotas: what depends on the settings is in these two, and all else is below a kilobyte.
    listed = ",".join((*config.instance_types, *config.allowed_instance_types))
    assert len(spending_settings(config)) + len(listed) + 1_000 <= 4_096


@pytest.fixture(scope="module")
def worst_cases() -> list[WorstCase]:
    return limits.worst_cases()


def test_the_largest_stack_is_below_every_limit(worst_cases: list[WorstCase]) -> None:
    assert [case.row for case in worst_cases if case.most > case.limit] == []
    assert len(worst_cases) > 30


def test_the_length_of_every_name_that_is_made_up_is_known() -> None:
    """What has a name of its own, in AWS, and no limit here would be found out at the first real deployment."""
    unnamed = {"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:apigatewayv2/stage:Stage"}
    made = {one.type for one in limits.largest().resources if one.custom and {"name", "bucket"} & set(one.outputs)}
    parts_of_a_bucket = {one for one in made if one.startswith("aws:s3/bucket") and one != "aws:s3/bucket:Bucket"}
    assert made - unnamed - parts_of_a_bucket - set(limits.LONGEST_NAMES) == set()


def test_the_document_has_the_worst_cases_of_today(worst_cases: list[WorstCase]) -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert limits.table(worst_cases) in text, "print it anew: .venv/bin/python -m tests.operations.limits"


def test_whatever_a_script_writes_the_answer_of_a_step_fits_into_the_workflow() -> None:
    """The end of its stderr, with characters that JSON writes as twelve bytes (one half of a pair each six)."""
    report: dict[str, Any] = {"stderr_tail": "\U0001f600" * 8_000, "events": []}
    answer = json.dumps(asdict(outcome_of(CommandState("Failed", 10, None), MachineReport.read(report), 600)))
    assert 4_000 < len(answer) < limits.STEP_ANSWER


def test_what_could_run_its_history_full_is_refused_with_what_to_lower() -> None:
    config = config_of(maxAttempts=10, jobTimeoutMinutes=2_760)
    with pytest.raises(ConfigError, match=r"mayfly:maxAttempts is 10 and mayfly:jobTimeoutMinutes 2760: .* Lower one"):
        definition(config, STEPS)
    config = config_of(maxAttempts=4, maxJobTimeoutMinutes=2_760)
    with pytest.raises(ConfigError, match=r"mayfly:maxAttempts is 4 and mayfly:maxJobTimeoutMinutes 2760"):
        definition(config, STEPS)


def test_three_attempts_of_46_hours_are_taken_whatever_else_is_set() -> None:
    config = config_of(jobTimeoutMinutes=2_760, bootTimeoutMinutes=60, queueTimeoutMinutes=1_440)
    assert config.max_attempts == 3
    definition(config, STEPS)


def test_a_workflow_that_looked_once_a_minute_would_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "looks", lambda seconds: int(seconds // 60))
    with pytest.raises(ConfigError, match="Step Functions ends it at 25,000"):
        definition(config_of(jobTimeoutMinutes=2_760), STEPS)
