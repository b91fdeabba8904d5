"""A meter that keeps what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.jobs.metrics import Measurement


@dataclass
class FakeMetrics:
    taken: list[Measurement] = field(default_factory=list)

    def record(self, measurements: Sequence[Measurement]) -> None:
        self.taken += measurements

    @property
    def values(self) -> dict[str, float]:
        """The sum of each metric, by its name and its kind, if it has kinds: `Jobs failed`."""
        sums: Counter[str] = Counter()
        for each in self.taken:
            sums[f"{each.metric.name} {each.kind or ''}".strip()] += each.value  # type: ignore[assignment]  # a float
        return dict(sums)
