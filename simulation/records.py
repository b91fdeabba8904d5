"""What the table's items say, as those who watch a simulation read them: without a call, and once a write."""

from __future__ import annotations

from collections.abc import Callable

from functions.aws.job_items import from_item
from functions.aws.tombstone_items import is_tombstone
from functions.jobs.job import Job
from simulation.damage import Damage
from simulation.dynamodb import DynamoDb, Key
from simulation.dynamodb_expressions import Item


class Records:
    """`jobs` and `tombstones` are by key (owner, id), and so are the `damaged` items, until they are written again.

    A job whose record is damaged stays here as it was before. `on_job` hears of every write to a job: as it was, None
    where it is new, and as it is now.
    """

    def __init__(self, db: DynamoDb) -> None:
        self.jobs: dict[Key, Job] = {}
        self.tombstones: set[Key] = set()
        self.damaged: dict[Key, Damage] = {}
        self.on_job: list[Callable[[Job | None, Job], None]] = []
        db.on_write.append(self._on_write)

    def _on_write(self, key: Key, _before: Item | None, item: Item | None) -> None:
        self.damaged.pop(key, None)
        if not key[0].startswith("#"):
            self._read_job(key, item)

    def forget(self, key: Key) -> None:
        """For an item that is gone without having been deleted."""
        self.damaged.pop(key, None)
        self.jobs.pop(key, None)
        self.tombstones.discard(key)

    def _read_job(self, key: Key, item: Item | None) -> None:
        if item is None:
            self.forget(key)
        elif is_tombstone(item):
            self.jobs.pop(key, None)
            self.tombstones.add(key)
        else:
            known = self.jobs.get(key)
            self.jobs[key] = job = from_item(item)
            for observer in self.on_job:
                observer(known, job)
