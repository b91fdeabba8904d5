"""The order in which waiting runs get machines: fair shares between owners, first come, first served within one.

A run's place is the number of slots that its owner holds, and of the owner's own runs that have waited for longer. So
each free slot goes to the owner who has the least, and among those to the one who has got a machine least recently: a
thousand runs of one owner, or of each of several, do not hold up another's single one
(docs/decisions/0020-fair-shares.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from functions.scheduling.ports import QueueEntry, Slot

# How many entries of an owner are read at once, at least: as long as no more wait, the order of waiting is exact.
IN_ORDER = 100
# Owners who are known to have got a machine lately: some 2 KB of the lease's item.
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
    """The owners of whom `limit` entries were read, and perhaps not all, and less than `wanted` are of use."""
    seen, enough = Counter(entry.run.owner for entry in read), Counter(entry.run.owner for entry in useful)
    return {owner for owner, number in seen.items() if number >= limit and enough[owner] < wanted}


def note_served(served: dict[str, str], owners: Iterable[str], moment: str) -> None:
    """Enters that owners got machines. Who is not among the latest then is as one who never got any."""
    served |= dict.fromkeys(owners, moment)
    for owner in sorted(served, key=lambda each: served[each])[:-MOST_SERVED]:
        del served[owner]
