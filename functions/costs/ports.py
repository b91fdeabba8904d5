"""The ports for what machines cost: the ledger of those that have ended, and those that are held at this moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from functions.jobs.job import MachineReceipt, Run


@dataclass(frozen=True)
class Charge:
    """What a machine has cost, whole micro-USD, for the UTC day of its launch (`2026-01-31`)."""

    day: str
    owner: str
    instance_id: str
    micro_usd: int


@dataclass(frozen=True)
class DayLedger:
    """What machines launched on one day and terminated since have cost, by owner, and their ids."""

    day: str
    spent: Mapping[str, int] = field(default_factory=dict)
    machines: frozenset[str] = frozenset()


class CostLedger(Protocol):
    """What terminated machines have cost."""

    def charge(self, charge: Charge) -> None:
        """Writes what a machine has cost; a second charge for the same machine changes nothing."""

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        """The ledger of a day; of one owner, if one is named."""


class HeldMachine(Protocol):
    """A machine that is not confirmed terminated, and the run that it is for: a slot, as a budget sees it."""

    @property
    def run(self) -> Run: ...

    @property
    def machine(self) -> MachineReceipt: ...


class MachineCosts(CostLedger, Protocol):
    """What a budget reads."""

    def slots(self) -> Sequence[HeldMachine]: ...
