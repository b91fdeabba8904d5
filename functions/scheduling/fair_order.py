"""The order in which waiting runs get machines: fair shares between owners, first come, first served within one.

A run's place is the number of slots that its owner holds, and of the owner's own runs that have waited for longer. So
each free slot goes to the owner with the fewest slots, and among those to the one who was served least recently. A
thousand runs of one owner, or of each of several, do not delay another's single one
(docs/decisions/0020-fair-shares.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from functions.scheduling.ports import QueueEntry, Slot

# The least number of entries that is read for each owner; while no more wait, the order is exact.
IN_ORDER = 100
# How many owners' last times are kept: some 2 KB of the lease's item.
MOST_SERVED = 30


def fair_order(
    entries: Iterable[QueueEntry], slots: Iterable[Slot], served: Mapping[str, str] = MappingProxyType({})
) -> list[QueueEntry]:
    """The entries in the order in which they get machines; `served` is when owners got one last (RFC 3339 UTC)."""
    taken = Counter(slot.run.owner for slot in slots)
    places = []
    for entry in by_age(entries):
        places.append((taken[entry.run.owner], served.get(entry.run.owner, ""), entry))
        taken[entry.run.owner] += 1
    return [entry for *_, entry in sorted(places, key=lambda each: each[:2])]  # a stable sort: the order of age stays


def by_age(entries: Iterable[QueueEntry]) -> list[QueueEntry]:
    """The entries by when they began to wait, the longest wait first."""
    return sorted(entries, key=lambda entry: (entry.since, entry.run.name, entry.run.owner))


def owners_cut_short(read: Iterable[QueueEntry], limit: int, useful: Sequence[QueueEntry], wanted: int) -> set[str]:
    """The owners with fewer than `wanted` useful entries, and possibly more entries than the `limit` that was read."""
    seen, enough = Counter(entry.run.owner for entry in read), Counter(entry.run.owner for entry in useful)
    return {owner for owner, number in seen.items() if number >= limit and enough[owner] < wanted}


def note_served(served: dict[str, str], owners: Iterable[str], moment: str) -> None:
    """Records that owners got machines, and drops all but the latest owners: those count as never served."""
    served |= dict.fromkeys(owners, moment)
    for owner in sorted(served, key=lambda each: served[each])[:-MOST_SERVED]:
        del served[owner]
