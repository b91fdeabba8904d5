"""Where the last sweep stopped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from simulation.calls import Calls


class SimulatedSweepPosition:
    """functions.cleanup.ports.SweepPosition in memory, with the calls of functions/aws/sweep_position.py."""

    def __init__(self, calls: Calls) -> None:
        self._stopped_at: Mapping[str, str] = {}
        self._calls = calls

    def load(self) -> Mapping[str, str]:
        return self._calls.make("dynamodb:GetItem", lambda: self._stopped_at)

    def save(self, position: Mapping[str, str]) -> None:
        self._calls.make("dynamodb:UpdateItem", partial(self._set, dict(position)))

    def _set(self, position: Mapping[str, str]) -> None:
        self._stopped_at = position
