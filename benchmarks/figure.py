"""What every benchmark yields: figures, in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Goal:
    """Of a figure's ratio where it has a baseline, else of its value."""

    limit: float
    at_least: bool = False

    def is_met_by(self, measured: float) -> bool:
        return measured >= self.limit if self.at_least else measured <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: "program: what", unlike any other; it says everything that another run has to have in common.
        unit: of the value and of its baseline.
        baseline: the same, done the other way that `note` names.
        spread: by which share of itself another run on the same machine may differ.
        paired_ratio: median of the rounds' ratios, where both sides took turns.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    goal: Goal | None = None
    note: str = ""
    spread: float = 0.0
    paired_ratio: float | None = None

    @property
    def ratio(self) -> float | None:
        """To the baseline; None where there is none."""
        if self.paired_ratio is not None or not self.baseline:
            return self.paired_ratio
        return self.value / self.baseline

    @property
    def judged(self) -> float:
        """What the goal is about: the ratio where there is one."""
        return self.value if self.ratio is None else self.ratio

    @property
    def meets_its_goal(self) -> bool | None:
        return self.goal.is_met_by(self.judged) if self.goal else None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Figure:
        fields = {key: value for key, value in document.items() if key in cls.__dataclass_fields__}
        goal = fields.pop("goal", None)
        return cls(**fields, goal=Goal(**goal) if goal else None)


def spread_of(samples: list[float]) -> float:
    """Half of the range of the middle half, as a share of the median: what another run may differ by, roughly."""
    ordered = sorted(samples)
    quarter, median = len(ordered) // 4, ordered[len(ordered) // 2]
    return (ordered[-1 - quarter] - ordered[quarter]) / 2 / median if median else 0.0
