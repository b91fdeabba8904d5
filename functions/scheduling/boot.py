"""How long machines take to boot, from launch to agent, and what is learned of it with each of them.

Systems Manager has no event for an agent that comes online, only the answer that a command gets. So the first try comes
when machines of the type were online before, and the next ones soon after each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.jobs import clock

# Seconds between two tries: this share of how much later than expected it is, within these bounds.
_SHARE, _SHORTEST, _LONGEST = 0.3, 0.8, 3.0
# Boots differ by as much without anything to learn, in seconds.
_TOLERANCE = 1.0
# What an expectation is lowered by, as a share, when the first try found the agent online.
_LOWERED = 0.05
# What it is raised by at most, as a share and in seconds: one slow boot must not delay all that follow.
_RAISED, _RAISED_SECONDS = 0.25, 2.0
# How long a machine is assumed to boot whose type this stack has never booted (docs/machine-start.md has figures). The
# first try may come long after such a boot, and says no more than this.
FIRST_GUESS = timedelta(seconds=20)


@dataclass
class Boot:
    """One machine's boot, as a call of Dispatch sees it; `expected` is None where its type is not known.

    `missed` is the age, in seconds, at the last try that came too early.
    """

    launched_at: str
    expected: datetime | None
    missed: float | None = None

    @property
    def age(self) -> float:
        """Seconds since the launch."""
        return clock.age(self.launched_at).total_seconds()

    @property
    def expected_seconds(self) -> float | None:
        """From the launch to when the agent is expected to be online."""
        if self.expected is None:
            return None
        return (self.expected - datetime.fromisoformat(self.launched_at)).total_seconds()

    @property
    def is_early(self) -> bool:
        """Whether a try now would come too early."""
        return self.expected is not None and clock.utc_now() < self.expected - timedelta(seconds=1)

    def pause(self) -> float:
        """Seconds until the next try, after one that came too early."""
        self.missed = self.age
        late = (clock.utc_now() - self.expected).total_seconds() if self.expected else self.age
        return min(max(_SHARE * late, _SHORTEST), _LONGEST)

    def learned(self) -> float | None:
        """Seconds that the next machine of the type is to be expected after, now that this one is online.

        None: as before.
        """
        before = self.expected_seconds
        if self.missed is None:
            # It may have been online for long.
            if before is None:
                return min(self.age, FIRST_GUESS.total_seconds())
            return (1 - _LOWERED) * before if before > _TOLERANCE else None
        if before is None:
            return self.missed
        most = before + max(_RAISED_SECONDS, _RAISED * before)
        return min(self.missed, most) if abs(self.missed - before) > _TOLERANCE else None
