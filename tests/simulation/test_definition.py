from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from simulation.definition import Definition
from tests.simulation.workflow import definition


def set_at(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(machine: Any) -> None:
        for step in path[:-1]:
            machine = machine[step]
        machine[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_at("TimeoutSeconds", value=60),
        set_at("QueryLanguage", value="JSONPath"),
        set_at("States", "Boot", "Type", value="Parallel"),
        set_at("States", "Boot", "Seconds", value=20),
        set_at("States", "Launch", "HeartbeatSeconds", value=60),
        set_at("States", "Launch", "Resource", value="arn:aws:states:::sqs:sendMessage"),
        set_at("States", "Launch", "Arguments", "Qualifier", value="live"),
        set_at("States", "Launch", "Retry", 0, "JitterStrategy", value="SOME"),
        set_at("States", "Launch", "Retry", 0, "ErrorEquals", value=["States.TaskFailed"]),
        set_at("States", "Launch", "Catch", 0, "ResultPath", value=""),
        set_at("States", "Launch", "Next", value=None),
        set_at("States", "Verdict", "Choices", 0, "Not", value={}),
        set_at("States", "Release", "Next", value="Launch"),
    ],
)
def test_whatever_is_not_understood_is_refused(change: Callable[[Any], None]) -> None:
    changed = copy.deepcopy(definition())
    change(changed)
    if changed["States"]["Launch"]["Next"] is None:
        del changed["States"]["Launch"]["Next"]
    with pytest.raises(ValidationError):
        Definition.model_validate(changed)
