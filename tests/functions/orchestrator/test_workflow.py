from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.api import lint

from functions.jobs import errors
from infra.workflow import DEFINITION, filled

LIMITS: dict[str, str | int] = {"max_attempts": 3, "online_retries": 86, "capacity_retries": 20, "inspect_interval": 60}
STEPS = ("launch", "dispatch", "await_completion", "inspect", "record", "terminate")
ARNS: dict[str, str | int] = {
    step: f"arn:aws:lambda:eu-central-1:123456789012:function:mayfly-dev-{step}" for step in STEPS
}
MACHINE = filled(json.loads(DEFINITION.read_text()), {**ARNS, **LIMITS})
STATES: dict[str, Any] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.StepError)}


def findings(definition: Any) -> list[str]:
    """What cfn-lint's state machine rules (E3601 and its kin) find in a definition."""
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "DefinitionString": json.dumps(definition),
        "StateMachineType": "STANDARD",
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Workflow": resource}}
    return [str(found) for found in lint(json.dumps(template), regions=["eu-central-1"])]


def targets(state: dict[str, Any]) -> set[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {way[key] for way in ways for key in ("Next", "Default") if key in way}


def test_the_workflow_is_valid_amazon_states_language() -> None:
    assert findings(MACHINE) == []


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("Launch", {"Next": None}),
        ("Launch", {"Parameters": {}}),
        ("Verdict", {"Choices": None}),
        ("Begin", {"Type": "Paas"}),
    ],
)
def test_the_validator_finds_a_broken_workflow(state: str, change: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(MACHINE))
    broken["States"][state].update(change)
    broken["States"][state] = {key: value for key, value in broken["States"][state].items() if value is not None}
    assert findings(broken)


def test_every_way_leads_to_a_state_that_is_there_and_every_state_is_led_to() -> None:
    reached = {MACHINE["StartAt"]}.union(*(targets(state) for state in STATES.values()))
    assert reached == set(STATES)


def test_every_step_is_used_and_no_placeholder_is_left() -> None:
    assert {task["Arguments"]["FunctionName"] for task in TASKS.values()} == set(ARNS.values())
    assert "${" not in json.dumps(MACHINE)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_way_out_of_a_step_leads_to_termination(name: str) -> None:
    """Success, every error of ours and everything else: the machine is seen to in every outcome."""
    seen, left = set(), {name}
    while left:
        state = left.pop()
        seen.add(state)
        left |= targets(STATES[state]) - seen
    assert "Terminate" in seen
    if name != "Terminate":
        assert {"States.ALL"} <= {error for way in TASKS[name]["Catch"] for error in way["ErrorEquals"]}


def test_the_only_end_is_after_termination() -> None:
    assert [name for name, state in STATES.items() if state.get("End")] == ["Terminate"]


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_step_that_fails_for_no_reason_of_ours_is_tried_again(name: str) -> None:
    last = TASKS[name]["Retry"][-1]
    assert last["ErrorEquals"] == ["States.ALL"]
    assert last["MaxAttempts"] >= 3
    assert last["JitterStrategy"] == "FULL"


def test_the_workflow_names_only_errors_that_the_steps_can_raise() -> None:
    named = {
        error
        for task in TASKS.values()
        for row in [*task.get("Retry", []), *task.get("Catch", [])]
        for error in row["ErrorEquals"]
        if not error.startswith("States.")
    }
    assert named <= OURS


def test_every_wait_for_a_callback_is_bounded() -> None:
    waits = [task for task in TASKS.values() if task["Resource"].endswith(".waitForTaskToken")]
    assert waits
    assert all(task["TimeoutSeconds"] == LIMITS["inspect_interval"] for task in waits)


def test_a_new_attempt_is_dispatched_whole_whatever_the_one_before_had_to_store_again() -> None:
    (another,) = STATES["NextAttempt"]["Choices"]
    assert (another["Next"], another["Assign"]["stored_after"]) == ("Launch", "")
    assert STATES["Begin"]["Assign"]["stored_after"] == ""
