"""What each lease holder has read of the queue, and who comes first by that."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from functions.scheduling.fair_order import IN_ORDER
from functions.scheduling.ports import QueueEntry
from simulation.calls import invocation
from simulation.dynamodb import DynamoDb
from simulation.records import QUEUE, SLOTS, Records

# So many holders' reads are kept. One that was overtaken by as many is not held to what it has read.
_HOLDERS = 20


@dataclass
class QueueRead:
    """The queue as it was when a read of it began, by run, without those that left during the read.

    `held` is how many slots each owner had, `served` when it got its last one.
    """

    entries: Mapping[str, QueueEntry] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    served: Mapping[str, str] = field(default_factory=dict)

    def passed_over(self, members: Collection[str], *tests: Callable[[QueueEntry], bool]) -> list[QueueEntry]:
        """Those that surely were read, and come before the last of the members whichever test entries have to pass.

        Each slot goes to the owner that has the least by then, and of those to the one that was served least recently.
        """
        left = self._surely_read(max(len(members), IN_ORDER) // 2) - set(members)
        for counts in tests:
            left &= self._up_to_the_last(members, counts)
        return [self.entries[name] for name in sorted(left)]

    def _surely_read(self, limit: int) -> set[str]:
        """The runs that a holder has surely read: of an owner with many it reads those of the oldest jobs.

        Half of them, since some that it read may have left the queue by now.
        """
        of_owner: Counter[str] = Counter()
        read: set[str] = set()
        for name in sorted(self.entries):
            owner = self.entries[name].run.owner
            of_owner[owner] += 1
            read |= {name} if of_owner[owner] <= limit else set()
        return read

    def _up_to_the_last(self, members: Collection[str], counts: Callable[[QueueEntry], bool]) -> set[str]:
        """Those that come before the last of the members, and that one, if only entries that `counts` is true of do."""
        missing = {name for name in members if name in self.entries and counts(self.entries[name])}
        found: set[str] = set()
        in_order = self._in_order(counts)
        while missing:
            name = next(in_order)
            found.add(name)
            missing.discard(name)
        return found

    def _in_order(self, counts: Callable[[QueueEntry], bool]) -> Iterator[str]:
        has = Counter(self.held)
        queues: defaultdict[str, deque[tuple[str, str]]] = defaultdict(deque)
        for since, name, owner in sorted(
            (one.since, name, one.run.owner) for name, one in self.entries.items() if counts(one)
        ):
            queues[owner].append((since, name))
        while queues:
            owner = min(queues, key=lambda one: (has[one], self.served.get(one, ""), queues[one][0]))
            has[owner] += 1
            yield queues[owner].popleft()[1]
            if not queues[owner]:
                del queues[owner]


class QueueReads:
    """The last read of each holder, by the number of its invocation."""

    def __init__(self, records: Records, db: DynamoDb) -> None:
        self._records = records
        self._reads: dict[int, QueueRead] = {}
        db.on_query.append(self._on_query)

    def of(self, holder: int) -> QueueRead:
        if holder not in self._reads:
            self._reads[holder] = QueueRead()
            for oldest in list(self._reads)[:-_HOLDERS]:
                del self._reads[oldest]
        return self._reads[holder]

    def _on_query(self, owner: str, after: str) -> None:
        """Entries that come or go between two pages of one read may be seen or not: they are not counted as seen."""
        running = invocation()
        if running is None or running.function != "launch" or owner not in {QUEUE, SLOTS}:
            return
        read, records = self.of(running.number), self._records
        if owner == SLOTS:
            read.held = read.held if after else Counter(slot.run.owner for slot in records.slots.values())
            return
        read.served = records.served
        known = read.entries if after.strip() else records.entries
        read.entries = {name: entry for name, entry in known.items() if name in records.entries}
