"""AWS's request rates: token buckets, as the EC2 developer guide ("Request throttling") describes them."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.clock import VirtualClock


@dataclass(frozen=True)
class Quota:
    burst: float
    per_second: float


class TokenBucket:
    def __init__(self, clock: VirtualClock, quota: Quota) -> None:
        self._clock = clock
        self._quota = quota
        self._tokens = quota.burst
        self._since = clock.seconds

    def take(self, tokens: float = 1.0) -> bool:
        """Takes all of the tokens or none."""
        now = self._clock.seconds
        self._tokens = min(self._quota.burst, self._tokens + (now - self._since) * self._quota.per_second)
        self._since = now
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True
