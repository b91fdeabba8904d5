"""The real definition, filled as infra/workflow.py fills it, with the simulation's names of the functions."""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from infra.config import StackConfig
from infra.workflow import DEFINITION, filled, limits
from simulation.handlers import FUNCTIONS


@cache
def definition(max_attempts: int = 3, queue_timeout_minutes: int = 240, longest_timeout_minutes: int = 60) -> Any:
    config = SimpleNamespace(
        max_attempts=max_attempts,
        boot_timeout_minutes=5,
        queue_timeout_minutes=queue_timeout_minutes,
        longest_timeout_minutes=longest_timeout_minutes,
    )
    names: dict[str, str | int] = {name: name for name in FUNCTIONS}
    return filled(json.loads(DEFINITION.read_text()), {**names, **limits(cast("StackConfig", config))})
