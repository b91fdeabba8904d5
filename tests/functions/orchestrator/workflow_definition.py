"""The workflow as a stack deploys it, with made-up functions and limits."""

from __future__ import annotations

import json

from infra.workflow import DEFINITION, filled
from simulation.definition import Definition
from tests.functions.orchestrator.states_language import StatesLanguage

LIMITS: dict[str, str | int] = {
    "max_attempts": 3,
    "online_retries": 45,
    "online_poll": 20,
    "launch_wait": 1805,
    "first_look": 60,
    "longest_look": 3600,
    "most_looks": 150,
    "termination_wait": 90,
}
STEPS = ("launch", "dispatch", "await_completion", "inspect", "record", "terminate", "release")
ARNS: dict[str, str | int] = {
    step: f"arn:aws:lambda:eu-central-1:123456789012:function:mayfly-dev-{step}" for step in STEPS
}
MACHINE = filled(json.loads(DEFINITION.read_text()), {**ARNS, **LIMITS})
WORKFLOW = StatesLanguage(Definition.model_validate(MACHINE))
TASKS = {name: state for name, state in MACHINE["States"].items() if state["Type"] == "Task"}
