"""The pool's table in memory, with the same conditions that its writes have in DynamoDB, and machines that obey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from functions.jobs.clock import now
from functions.scheduling.ports import Refusal
from functions.scheduling.warm_pool_ports import Claim, PooledMachine


@dataclass
class FakeWarmPoolTable:
    items: dict[str, PooledMachine] = field(default_factory=dict)

    def add(self, machines: Sequence[PooledMachine]) -> None:
        self.items |= {machine.instance_id: machine for machine in machines}

    def machines(self) -> Sequence[PooledMachine]:
        return [self.items[one] for one in sorted(self.items)]

    def ask_stop(self, instance_id: str) -> bool:
        return self._change(
            instance_id,
            lambda item: item.claim is None and not item.is_ready,
            lambda item: replace(item, stop_asked_at=now()),
        )

    def make_ready(self, machine: PooledMachine) -> bool:
        return self._change(
            machine.instance_id,
            lambda item: item.claim is None and item.stop_asked_at == machine.stop_asked_at,
            lambda item: replace(item, is_ready=True),
        )

    def claim(self, instance_id: str, token: str) -> PooledMachine | None:
        claimed = self._change(
            instance_id,
            lambda item: item.is_ready and (item.claim is None or item.claim.token == token),
            lambda item: replace(item, claim=Claim(token, now())),
        )
        return self.items[instance_id] if claimed else None

    def release(self, machine: PooledMachine) -> bool:
        return machine.claim is not None and self._change(
            machine.instance_id, lambda item: item.claim == machine.claim, lambda item: replace(item, claim=None)
        )

    def remove(self, machine: PooledMachine) -> bool:
        item = self.items.get(machine.instance_id)
        if item is None or item.claim != machine.claim:
            return False
        del self.items[machine.instance_id]
        return True

    def _change(
        self,
        instance_id: str,
        is_fine: Callable[[PooledMachine], bool],
        change: Callable[[PooledMachine], PooledMachine],
    ) -> bool:
        item = self.items.get(instance_id)
        if item is None or not is_fine(item):
            return False
        self.items[instance_id] = change(item)
        return True


@dataclass
class FakePoolMachines:
    """`refusals` are the answers to the first starts."""

    refusals: list[Refusal | Exception] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)  # to EC2
    started: list[list[str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def start(self, instance_ids: Sequence[str]) -> Sequence[str] | Refusal:
        self.started.append(list(instance_ids))
        answer = self.refusals.pop(0) if self.refusals else None
        if isinstance(answer, Exception):
            raise answer
        return answer or [one for one in instance_ids if one not in self.unknown]

    def stop(self, instance_ids: Sequence[str]) -> None:
        self.stopped.extend(instance_ids)

    def online(self, instance_ids: Sequence[str]) -> Sequence[str]:
        return [one for one in instance_ids if one in self.agents]


def pooled(instance_id: str = "i-p1", **changes: object) -> PooledMachine:
    """A machine that waits in the pool."""
    facts: dict[str, object] = {
        "instance_type": "t4g.small",
        "zone": "eu-central-1c",
        "image_id": "ami-pool",
        "prepared_at": "2026-01-31T08:00:00.000Z",
        "stop_asked_at": "2026-01-31T08:01:00.000Z",
        "is_ready": True,
    }
    return PooledMachine(instance_id, **facts | changes)  # type: ignore[arg-type]
