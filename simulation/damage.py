"""Items of one job at their worst: what tests/functions/jobs/test_isolation.py makes of them in a real table.

The tables of the simulation keep what they would have and note the damage beside it; their methods behave as their
DynamoDB counterparts do with such an item.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Which of a job's items."""

    RECORD = "record"
    RECEIPTS = "receipts"  # in the record
    TOMBSTONE = "tombstone"
    ENTRY = "queue entry"
    SLOT = "slot"
    MACHINE = "machine item"


class Damage(StrEnum):
    TOO_LARGE = "too large"  # above 400 KB with every write
    UNREADABLE = "unreadable"  # of a newer version, say
    HALF_DELETED = "half deleted"  # attributes are missing, the ones for indexes and conditions as well
    GONE = "gone"


@dataclass(frozen=True)
class ItemFault:
    """From `at` on (seconds), or from when there is one within ten minutes, an item of a job's latest run is damaged.

    `job` is its number.
    """

    job: int
    kind: Kind
    damage: Damage
    at: float


# What each kind of item can come to. Of receipts and of a deleted job's item only these make a difference; a slot is
# never written to, only replaced.
POSSIBLE = {
    Kind.RECORD: tuple(Damage),
    Kind.RECEIPTS: (Damage.GONE,),
    Kind.TOMBSTONE: (Damage.UNREADABLE, Damage.GONE),
    Kind.ENTRY: (Damage.TOO_LARGE, Damage.UNREADABLE, Damage.HALF_DELETED, Damage.GONE),
    Kind.SLOT: (Damage.UNREADABLE, Damage.HALF_DELETED, Damage.GONE),
    Kind.MACHINE: (Damage.TOO_LARGE, Damage.HALF_DELETED, Damage.GONE),
}
