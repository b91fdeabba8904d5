"""The ports for running a job on its machine: machines, their commands, and task tokens that wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from functions.scheduling.ports import Instances


@dataclass(frozen=True)
class MachineAssignment:
    """One launched instance and the attempt that it belongs to."""

    instance_id: str
    owner: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class TaskWaiter:
    """The task tokens that wait for a machine, and whether an event arrived before.

    `token` waits for an event of any kind, `end_token` for the machine's end.
    """

    machine: MachineAssignment
    token: str | None
    has_event: bool
    end_token: str | None = None


class MachineTable(Protocol):
    """Which job a machine belongs to, and which task tokens wait for it.

    `store_token` and `report` each write and read the same item atomically, so of a token and an event that race, the
    later one always sees the earlier.
    """

    def add(self, machine: MachineAssignment) -> None: ...

    def waiter(self, instance_id: str) -> TaskWaiter | None:
        """What waits for a machine at this moment; None for a machine of another stack."""

    def store_token(self, instance_id: str, token: str) -> TaskWaiter: ...

    def store_end_token(self, instance_id: str, token: str) -> bool:
        """Replaces the waiting token by one for the machine's end; whether that was reported already.

        Raises:
            LookupError: the machine was never added.
        """

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> TaskWaiter | None:
        """Stores an event about a machine, or its end; None for a machine of another stack."""

    def has_ended(self, instance_id: str) -> bool:
        """Whether the machine's end was reported."""

    def has_event(self, instance_id: str) -> bool:
        """Whether there is an event that no token has consumed yet."""

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        """Queues machines for termination."""

    def queued_ends(self) -> Sequence[str]:
        """All of them without expired ones, by id."""

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None: ...


@dataclass(frozen=True)
class CommandState:
    """A command on a machine: SSM's status, the wrapper's exit code, the report it wrote, if any, and its times.

    `has_begun` is False for one that its machine never took.
    """

    status: str  # Pending, InProgress, Delayed, Success, Failed, TimedOut, Cancelled, Cancelling
    exit_code: int
    report: dict[str, Any] | None
    ended_at: str | None = None  # RFC 3339; None where SSM does not say
    has_begun: bool = True
    began_at: str | None = None  # as above

    @property
    def is_over(self) -> bool:
        return self.status in {"Success", "Failed", "TimedOut", "Cancelled"}

    @property
    def is_untaken(self) -> bool:
        """Whether the machine's agent has not received it (Systems Manager user guide, "Command statuses")."""
        return self.status in {"Pending", "Delayed"}


class Machines(Instances, Protocol):
    """The calls of EC2 and SSM that a job needs."""

    def send_command(
        self, instance_id: str, script: str, comment: str, timeout: int, delivery_timeout: int | None = None
    ) -> str:
        """Sends a shell script; returns the command id.

        `timeout` is how long it may run, `delivery_timeout` how long it may take to be delivered, in seconds; None is
        SSM's minimum, which is for machines that are online.

        Raises:
            AgentNotOnline: the machine cannot take commands yet.
            Throttled: AWS asked to slow down.
        """

    def command_state(self, command_id: str, instance_id: str) -> CommandState | None:
        """None while AWS does not know the command yet."""

    def end_reason(self, instance_id: str) -> str | None:
        """EC2's code of why an instance ended, such as Server.SpotInstanceTermination; None where it says nothing."""
