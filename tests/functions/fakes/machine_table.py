"""Who waits for a machine, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.execution.ports import MachineAssignment, TaskWaiter


@dataclass
class FakeMachineTable:
    machines: dict[str, MachineAssignment] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    end_tokens: dict[str, str] = field(default_factory=dict)
    event_name: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    queued: dict[str, None] = field(default_factory=dict)

    def add(self, machine: MachineAssignment) -> None:
        self.machines.setdefault(machine.instance_id, machine)

    def store_token(self, instance_id: str, token: str) -> TaskWaiter:
        self.tokens[instance_id] = token
        return TaskWaiter(self.machines[instance_id], token, self.event_name.pop(instance_id, None) is not None)

    def store_end_token(self, instance_id: str, token: str) -> bool:
        if instance_id not in self.machines:
            raise LookupError(instance_id)
        self.end_tokens[instance_id] = token
        self.tokens.pop(instance_id, None)
        self.event_name.pop(instance_id, None)
        return instance_id in self.ended

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> TaskWaiter | None:
        if instance_id not in self.machines:
            return None
        self.event_name[instance_id] = event_name
        self.ended |= {instance_id} if is_end else set()
        machine, token = self.machines[instance_id], self.tokens.get(instance_id)
        return TaskWaiter(machine, token, has_event=True, end_token=self.end_tokens.get(instance_id))

    def has_event(self, instance_id: str) -> bool:
        return instance_id in self.event_name

    def has_ended(self, instance_id: str) -> bool:
        return instance_id in self.ended

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        self.queued |= dict.fromkeys(instance_ids)

    def queued_ends(self) -> Sequence[str]:
        return list(self.queued)

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None:
        for instance_id in instance_ids:
            self.queued.pop(instance_id, None)
