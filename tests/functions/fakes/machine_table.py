"""Who waits for a machine, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.jobs.ports import Machine, Waiter


@dataclass
class FakeMachineTable:
    machines: dict[str, Machine] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)

    def add(self, machine: Machine) -> None:
        self.machines.setdefault(machine.instance_id, machine)

    def park(self, instance_id: str, token: str) -> Waiter:
        self.tokens[instance_id] = token
        return Waiter(self.machines[instance_id], token, self.news.pop(instance_id, None) is not None)

    def report(self, instance_id: str, news: str) -> Waiter | None:
        if instance_id not in self.machines:
            return None
        self.news[instance_id] = news
        return Waiter(self.machines[instance_id], self.tokens.get(instance_id), has_news=True)

    def has_news(self, instance_id: str) -> bool:
        return instance_id in self.news
