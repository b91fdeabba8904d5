"""A meter that adds up what it is given."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from functions.monitoring.metrics import Measurement


class SimulatedMetrics:
    """A metrics sink; `counts` is how often each metric came, by its name and kind, `sums` its sum.

    `on_record` hears of each metric's name and kind.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str | None]] = Counter()
        self.sums: defaultdict[tuple[str, str | None], float] = defaultdict(float)
        self.on_record: list[Callable[[str, str | None], None]] = []

    def record(self, measurements: Sequence[Measurement]) -> None:
        for each in measurements:
            self.counts[each.metric.name, each.kind] += 1
            self.sums[each.metric.name, each.kind] += each.value
            for observer in self.on_record:
                observer(each.metric.name, each.kind)

    @property
    def values(self) -> dict[str, float]:
        """The sum of each metric, by its name and its kind, if it has kinds: `Jobs failed`."""
        return {f"{name} {kind or ''}".strip(): total for (name, kind), total in self.sums.items()}
