"""The Await step: the workflow waits until an event about its machine arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.execution.ports import MachineAssignment, MachineTable
from functions.jobs.ports import Workflow


@dataclass(frozen=True)
class AwaitStep:
    """Both ends of the wait: the workflow stores its task token, an event about the machine completes it."""

    machine_table: MachineTable
    workflow: Workflow

    def store_token(self, instance_id: str, token: str) -> None:
        if self.machine_table.store_token(instance_id, token).has_event:
            self.workflow.wake(token)

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> MachineAssignment | None:
        """The machine's assignment, if the stack knows it; `is_end` marks the event of its termination."""
        waiter, end = self.machine_table.waiter(instance_id), {"ended": instance_id}
        if waiter is None:
            return None
        if self._wake(waiter.end_token, end) if is_end else self._wake(waiter.token):
            return waiter.machine  # the workflow waited and has the event now, so there is no need to store it
        # Nothing waits at this moment: the next token that is stored finds the event.
        waiter = self.machine_table.report(instance_id, event_name, is_end=is_end)
        if waiter is None:
            return None
        self._wake(waiter.token)
        if is_end:
            self._wake(waiter.end_token, end)
        return waiter.machine

    def _wake(self, token: str | None, output: Mapping[str, str] | None = None) -> bool:
        return token is not None and self.workflow.wake(token, output)
