"""The pool's table in memory, with the same conditions that its writes have in DynamoDB, and machines that obey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.scheduling.ports import Refusal
from functions.scheduling.warm_pool_ports import PooledMachine
from simulation.dynamodb import TABLE, DynamoDb


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


def pool_of(*known: PooledMachine) -> DynamoWarmPoolTable:
    """The table, whatever has been done to these machines."""
    db = DynamoDb()
    for machine in known:
        claim = machine.claim
        texts = {
            "owner": "#pool",
            "id": machine.instance_id,
            "instance_type": machine.instance_type,
            "zone": machine.zone,
            "image_id": machine.image_id,
            "prepared_at": machine.prepared_at,
            "stop_asked_at": machine.stop_asked_at,
            "is_ready": "yes" if machine.is_ready else None,
            **({"token": claim.token, "claimed_at": claim.at} if claim else {}),
        }
        db.write(("#pool", machine.instance_id), {name: {"S": text} for name, text in texts.items() if text})
    return DynamoWarmPoolTable(db.client, TABLE)
