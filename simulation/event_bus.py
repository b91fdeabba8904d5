"""Amazon EventBridge: events reach their function, but for those that do not; delivery is best effort."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from simulation.clock import VirtualClock
from simulation.faults import Delivery
from simulation.lambdas import Lambdas
from simulation.rng import Rng


class EventBus:
    """`pending` counts events on their way. `fates` are by the number of the event, from 0."""

    def __init__(self, clock: VirtualClock, rng: Rng, lambdas: Lambdas, fates: Mapping[int, Delivery]) -> None:
        self.pending = 0
        self.published = 0
        self._clock = clock
        self._chance = rng
        self._lambdas = lambdas
        self._fates = fates

    def publish(self, function: str, kind: str, detail: Mapping[str, Any]) -> None:
        """Brings an event of a kind (its detail-type) to the function that has a rule for it."""
        event = {"detail-type": kind, "detail": detail}
        fate = self._fates.get(self.published)
        self.published += 1
        if fate is Delivery.LOST:
            return
        late = fate is Delivery.LATE
        self._send(function, event, self._chance.between(5.0, 600.0) if late else self._chance.between(0.1, 1.5))
        if fate is Delivery.TWICE:
            self._send(function, event, self._chance.between(0.1, 60.0))

    def _send(self, function: str, event: Mapping[str, Any], delay: float) -> None:
        self.pending += 1
        self._clock.after(delay, partial(self._arrive, function, event))

    def _arrive(self, function: str, event: Mapping[str, Any]) -> None:
        self.pending -= 1
        self._lambdas.invoke_asynchronously(function, event)
