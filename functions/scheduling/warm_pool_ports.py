"""The ports of the warm pool, in addition to those that every job needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.scheduling.ports import Refusal


@dataclass(frozen=True)
class Claim:
    """The batch that a machine is claimed for: its token, and when it last claimed it (RFC 3339 UTC)."""

    token: str
    at: str


@dataclass(frozen=True)
class PooledMachine:
    """A machine that the pool launched at `prepared_at` (RFC 3339 UTC) and that no job has used.

    It is stopped at `stop_asked_at`, once it has been up, and may be claimed once `is_ready`.
    """

    instance_id: str
    instance_type: str
    zone: str
    image_id: str
    prepared_at: str
    stop_asked_at: str | None = None
    is_ready: bool = False
    claim: Claim | None = None


class WarmPoolTable(Protocol):
    """The machines of the pool. Reads see every earlier write, and every write is conditional.

    A machine that is claimed never becomes another batch's, unless it is released in between.
    """

    def add(self, machines: Sequence[PooledMachine]) -> None: ...

    def machines(self) -> Sequence[PooledMachine]: ...

    def ask_stop(self, instance_id: str) -> bool:
        """Records that the machine is about to be stopped; False when it is ready, claimed or gone."""

    def make_ready(self, machine: PooledMachine) -> bool:
        """Marks the machine as ready to be claimed; False when it has changed since it was read."""

    def claim(self, instance_id: str, token: str) -> PooledMachine | None:
        """Claims a ready machine for a batch, repeatedly for the same batch too; None when it cannot be claimed."""

    def release(self, machine: PooledMachine) -> bool:
        """Removes a claim; False when the claim has changed since it was read."""

    def remove(self, machine: PooledMachine) -> bool:
        """Removes the machine; False when its claim has changed since it was read."""


class WarmPoolMachines(Protocol):
    """The calls of EC2 and SSM that only the pool needs."""

    def start(self, instance_ids: Sequence[str]) -> Sequence[str] | Refusal:
        """Starts the stopped ones of the machines; the ids that EC2 knows. Running ones are left alone.

        An error that leaves open whether anything was started (a time-out, say) is raised, not returned.
        """

    def stop(self, instance_ids: Sequence[str]) -> None: ...

    def online(self, instance_ids: Sequence[str]) -> Sequence[str]:
        """The ids of machines whose agent has reported."""
