"""Who waits for a machine, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.jobs.ports import Machine, Waiter


@dataclass
class FakeMachineTable:
    machines: dict[str, Machine] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    end_tokens: dict[str, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    queued: dict[str, None] = field(default_factory=dict)

    def add(self, machine: Machine) -> None:
        self.machines.setdefault(machine.instance_id, machine)

    def park(self, instance_id: str, token: str) -> Waiter:
        self.tokens[instance_id] = token
        return Waiter(self.machines[instance_id], token, self.news.pop(instance_id, None) is not None)

    def park_until_end(self, instance_id: str, token: str) -> bool:
        if instance_id not in self.machines:
            raise LookupError(instance_id)
        self.end_tokens[instance_id] = token
        self.tokens.pop(instance_id, None)
        self.news.pop(instance_id, None)
        return instance_id in self.ended

    def report(self, instance_id: str, news: str, *, is_end: bool = False) -> Waiter | None:
        if instance_id not in self.machines:
            return None
        self.news[instance_id] = news
        self.ended |= {instance_id} if is_end else set()
        machine, token = self.machines[instance_id], self.tokens.get(instance_id)
        return Waiter(machine, token, has_news=True, end_token=self.end_tokens.get(instance_id))

    def has_news(self, instance_id: str) -> bool:
        return instance_id in self.news

    def has_ended(self, instance_id: str) -> bool:
        return instance_id in self.ended

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        self.queued |= dict.fromkeys(instance_ids)

    def queued_ends(self) -> Sequence[str]:
        return list(self.queued)

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None:
        for instance_id in instance_ids:
            self.queued.pop(instance_id, None)
