"""Whose machines live or were launched lately: what an administrator looks for among users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from functions.jobs import clock
from functions.scheduling.ports import SchedulingTable

# Today and yesterday (UTC): two reads of the ledger.
_DAYS = 2
_MOST = 100


@dataclass(frozen=True)
class RecentOwner:
    """`micro_usd` is what machines cost that were launched today or yesterday (UTC) and have ended."""

    owner: str
    machines_alive: int
    micro_usd: int
    email: str | None = None


def recent_owners(table: SchedulingTable, sees: Callable[[str], bool], owner: str | None = None) -> list[RecentOwner]:
    """Those with most machines alive first, then those who spent most.

    At most a hundred whom the caller `sees`, or the one that is named.
    """
    alive = Counter(slot.run.owner for slot in table.slots() if owner in {None, slot.run.owner})
    spent = Counter[str]()
    for days in range(_DAYS):
        spent.update(table.ledger((clock.utc_now() - timedelta(days=days)).date().isoformat(), owner).spent)
    found = [RecentOwner(each, alive[each], spent[each]) for each in {*alive, *spent} if sees(each)]
    return sorted(found, key=lambda one: (-one.machines_alive, -one.micro_usd, one.owner))[:_MOST]
