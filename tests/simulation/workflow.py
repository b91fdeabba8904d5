"""The real definition, filled as infra/workflow.py fills it, with the simulation's names of the functions."""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from infra import history
from infra.config import StackConfig
from infra.workflow import DEFINITION, filled, limits
from simulation.handlers import FUNCTIONS


@cache
def definition(max_attempts: int = 3, queue_timeout_minutes: int = 240, longest_timeout_minutes: int = 60) -> Any:
    names: dict[str, str | int] = {name: name for name in FUNCTIONS}
    config = _config(max_attempts, queue_timeout_minutes, longest_timeout_minutes)
    return filled(json.loads(DEFINITION.read_text()), {**names, **limits(config)})


@cache
def most_events(max_attempts: int = 3, queue_timeout_minutes: int = 240, longest_timeout_minutes: int = 60) -> int:
    """Of the history of one execution, as the program reckons before it is deployed."""
    config = _config(max_attempts, queue_timeout_minutes, longest_timeout_minutes)
    return history.most_events(
        definition(max_attempts, queue_timeout_minutes, longest_timeout_minutes)["States"], config
    )


def _config(max_attempts: int, queue_timeout_minutes: int, longest_timeout_minutes: int) -> StackConfig:
    config = SimpleNamespace(
        max_attempts=max_attempts,
        boot_timeout_minutes=5,
        queue_timeout_minutes=queue_timeout_minutes,
        longest_timeout_minutes=longest_timeout_minutes,
    )
    return cast("StackConfig", config)
