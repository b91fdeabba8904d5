"""What each lease holder has read of the queue, and who comes first by that."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from functions.scheduling.fair_order import IN_ORDER
from functions.scheduling.ports import QueueEntry
from simulation.calls import invocation
from simulation.records import Place, Records

# So many holders' reads are kept. One that was overtaken by as many is not held to what it has read.
_HOLDERS = 20


@dataclass
class QueueRead:
    """The queue as it was when a read of it began: by run, and by owner in order of age and of name.

    `gone` are those that left during the read, `held` is how many slots each owner had, `served` when it got its last
    one.
    """

    entries: Mapping[str, QueueEntry] = field(default_factory=dict)
    places: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)
    served: Mapping[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    left: int = 0  # how many had left the queue at the last look

    def passed_over(self, members: Collection[str], *tests: Callable[[QueueEntry], bool]) -> list[QueueEntry]:
        """Those that surely were read, and come before the last of the members whichever test entries have to pass.

        Each slot goes to the owner that has the least by then, and of those to the one that was served least recently.
        """
        read = self._surely_read(max(len(members), IN_ORDER) // 2)
        left = {one for names in read.values() for one in names if one not in members}
        for counts in tests:
            left &= self._before_the_last(members, left, counts)
        return [self.entries[name] for name in sorted(left)]

    def _surely_read(self, limit: int) -> Mapping[str, Sequence[str]]:
        """The runs that a holder has surely read: of an owner with many it reads those of the oldest jobs.

        Half of them, since some that it read may have left the queue by now.
        """
        return {
            owner: list(islice((name for name in names if name not in self.gone), limit))
            for owner, names in self.names.items()
        }

    def _before_the_last(
        self, members: Collection[str], of: Collection[str], counts: Callable[[QueueEntry], bool]
    ) -> set[str]:
        """Those of some runs that come before the last of the members, if only entries that `counts` is true of do."""
        missing = {name for name in members if name in self.entries and name not in self.gone}
        missing = {name for name in missing if counts(self.entries[name])}
        if len(self.places) == 1 and missing:  # then the order is that of age
            last = max(self._place(name) for name in missing)
            return {name for name in of if self._place(name) < last and counts(self.entries[name])}
        before: set[str] = set()
        in_order = self._in_order(counts)
        while missing:
            name = next(in_order).run.name
            before.add(name)
            missing.discard(name)
        return before

    def _place(self, name: str) -> Place:
        return self.entries[name].since, name

    def _in_order(self, counts: Callable[[QueueEntry], bool]) -> Iterator[QueueEntry]:
        has = Counter(self.held)
        left = {owner: self._that_count(places, counts) for owner, places in self.places.items()}
        heads: list[tuple[int, str, Place, str]] = []

        def push(owner: str) -> None:
            place = next(left[owner], None)
            if place is not None:
                heapq.heappush(heads, (has[owner], self.served.get(owner, ""), place, owner))

        for owner in left:
            push(owner)
        while heads:
            *_, (_, name), owner = heapq.heappop(heads)
            has[owner] += 1
            push(owner)
            yield self.entries[name]

    def _that_count(self, places: Sequence[Place], counts: Callable[[QueueEntry], bool]) -> Iterator[Place]:
        return (place for place in places if place[1] not in self.gone and counts(self.entries[place[1]]))


class QueueReads:
    """The last read of each holder, by the number of its invocation."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._reads: dict[int, QueueRead] = {}
        records.on_look.append(self._on_look)
        records.on_count.append(self._on_count)

    def of(self, holder: int) -> QueueRead:
        if holder not in self._reads:
            self._reads[holder] = QueueRead()
            for oldest in list(self._reads)[:-_HOLDERS]:
                del self._reads[oldest]
        return self._reads[holder]

    def _on_count(self) -> None:
        running = invocation()
        if running is not None and running.function == "launch":
            self.of(running.number).held = self._records.held.copy()

    def _on_look(self, begins: bool) -> None:  # an observer
        """Entries that come or go between two pages of one read may be seen or not: they are not counted as seen."""
        running = invocation()
        if running is None or running.function != "launch":
            return
        read, records = self.of(running.number), self._records
        read.served = records.served
        if begins:
            read.entries = records.entries.copy()
            read.places = {owner: places.copy() for owner, places in records.waiting.items() if places}
            read.names = {owner: names.copy() for owner, names in records.names.items() if names}
            read.gone = set()
        else:
            read.gone |= {name for name in records.left[read.left :] if name not in records.entries}
        read.left = len(records.left)
