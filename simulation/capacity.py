"""What DynamoDB bills: request units, by item collection."""

from __future__ import annotations

from collections import defaultdict

from simulation.world import World


class Units:
    """Units by item collection, that is by hash key; `most` is each collection's busiest second."""

    def __init__(self) -> None:
        self.used: defaultdict[str, float] = defaultdict(float)
        self._by_second: defaultdict[tuple[str, int], float] = defaultdict(float)

    def take(self, collection: str, units: float, second: float) -> None:
        self.used[collection] += units
        self._by_second[collection, int(second)] += units

    @property
    def most(self) -> dict[str, float]:
        busiest: defaultdict[str, float] = defaultdict(float)
        for (collection, _), units in self._by_second.items():
            busiest[collection] = max(busiest[collection], units)
        return dict(busiest)


class Capacity:
    """The units `read` and `written` in a world from now on. Jobs are one collection for each owner.

    A partition, and so a collection, takes 3,000 units of reading and 1,000 of writing a second. That is not simulated.
    """

    def __init__(self, world: World) -> None:
        self.read, self.written = Units(), Units()
        self._clock = world.clock
        world.ports.db.on_units.append(self._on_units)

    def _on_units(self, collection: str, read: float, written: int) -> None:
        for units, taken in ((self.read, read), (self.written, written)):
            if taken:
                units.take(collection, taken, self._clock.seconds)
