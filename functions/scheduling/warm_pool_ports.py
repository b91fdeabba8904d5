"""What the pool of stopped machines needs of the world, beside the ports that every job needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.scheduling.ports import Refusal


@dataclass(frozen=True)
class Claim:
    """Who took a machine out of the pool: a batch, by its token, and when it last said so (RFC 3339 UTC)."""

    token: str
    at: str


@dataclass(frozen=True)
class PooledMachine:
    """A machine that the pool launched at `prepared_at` (RFC 3339 UTC) and that nobody has used.

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
        """Writes down that the machine is about to be stopped; False when it is ready, claimed or gone."""

    def make_ready(self, machine: PooledMachine) -> bool:
        """Lets the machine be claimed; False when it is not any more as it was read."""

    def claim(self, instance_id: str, token: str) -> PooledMachine | None:
        """Takes a ready machine for a batch; again for the same batch too. None when it is not to be had."""

    def release(self, machine: PooledMachine) -> bool:
        """Takes a claim back; False when the claim is not any more as it was read."""

    def remove(self, machine: PooledMachine) -> bool:
        """Forgets the machine; False when its claim is not any more as it was read."""


class WarmPoolMachines(Protocol):
    """EC2 and SSM, as far as the pool needs them beyond what a job needs."""

    def start(self, instance_ids: Sequence[str]) -> Sequence[str] | Refusal:
        """Starts stopped machines, of those that EC2 knows, which it answers; those that run are left alone.

        An answer that leaves open whether anything was started (a time-out, say) is raised, not answered.
        """

    def stop(self, instance_ids: Sequence[str]) -> None: ...

    def online(self, instance_ids: Sequence[str]) -> Sequence[str]:
        """Those whose agent has reported."""
