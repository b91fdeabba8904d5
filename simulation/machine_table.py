"""The job table's machines: whose they are, and who waits for them."""

from __future__ import annotations

from dataclasses import dataclass

from functions.jobs.ports import Machine, Waiter
from simulation.calls import Calls


@dataclass
class _Item:
    machine: Machine
    token: str | None = None
    news: str | None = None


class SimulatedMachineTable:
    """functions.jobs.ports.MachineTable in memory, with the calls and conditions of functions/aws/machine_table.py."""

    def __init__(self, calls: Calls) -> None:
        self._items: dict[str, _Item] = {}
        self._calls = calls

    def add(self, machine: Machine) -> None:
        self._calls.make("dynamodb:PutItem", lambda: self._items.setdefault(machine.instance_id, _Item(machine)))

    def park(self, instance_id: str, token: str) -> Waiter:
        def effect() -> Waiter:
            item = self._items.get(instance_id)
            if item is None:
                raise LookupError(f"{instance_id} was never registered as a machine")
            had_news = item.news is not None
            item.token, item.news = token, None
            return Waiter(item.machine, token, had_news)

        return self._calls.make("dynamodb:UpdateItem", effect)

    def report(self, instance_id: str, news: str) -> Waiter | None:
        def effect() -> Waiter | None:
            item = self._items.get(instance_id)
            if item is None:
                return None
            item.news = news
            return Waiter(item.machine, item.token, has_news=True)

        return self._calls.make("dynamodb:UpdateItem", effect)

    def has_news(self, instance_id: str) -> bool:
        def effect() -> bool:
            item = self._items.get(instance_id)
            return item is not None and item.news is not None

        return self._calls.make("dynamodb:GetItem", effect)
