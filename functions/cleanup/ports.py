"""The ports of the sweeper alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class SweepPosition(Protocol):
    """Where the last sweep stopped, for the next one: the last id that it got to, by part of the sweep."""

    def load(self) -> Mapping[str, str]: ...

    def save(self, position: Mapping[str, str]) -> None: ...
