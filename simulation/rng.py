"""How long things take, and what else is left to chance: all of it follows from one seed."""

from __future__ import annotations

from random import Random

# Seconds; what takes longer than that is a fault and belongs into the plan.
_SLOWEST = 5.0


class Rng:
    """Durations are seconds. The slower AWS answers (`slowness` 1 is usual), the more happens at the same time.

    `tail` is the part of all calls that take up to two seconds.
    """

    def __init__(self, seed: int, slowness: float = 1.0, tail: float = 0.03) -> None:
        self._slowness = slowness
        self._tail = tail
        self._random = Random(seed)  # noqa: S311  # a simulation wants the same numbers again, not secret ones
        self.between = self._random.uniform
        self.number = self._random.random

    def happens(self, probability: float) -> bool:
        return self.number() < probability

    def api_call(self) -> float:
        """Mostly some milliseconds; now and then a call takes its time."""
        usual = self.number() >= self._tail
        return min(_SLOWEST, self._slowness * (self.between(0.005, 0.05) if usual else self.between(0.05, 2.0)))

    def function_start(self) -> float:
        warm = self.number() < 0.9  # noqa: PLR2004  # the rest are cold starts
        return self.between(0.005, 0.05) if warm else self.between(0.3, 1.5)
