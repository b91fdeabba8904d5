"""The Await step: the workflow waits until an event about its machine arrives."""

from __future__ import annotations

from dataclasses import dataclass

from functions.execution.ports import MachineAssignment, MachineTable, TaskWaiter
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
        waiter = self.machine_table.waiter(instance_id)
        if waiter is None:
            return None
        if self._is_delivered(waiter, is_end=is_end):
            return waiter.machine
        # Nothing waits at this moment: the next token that is stored finds the event.
        waiter = self.machine_table.report(instance_id, event_name, is_end=is_end)
        if waiter is None:
            return None
        if waiter.token:
            self.workflow.wake(waiter.token)
        if is_end and waiter.end_token:
            self._wake_of_end(waiter, waiter.end_token)
        return waiter.machine

    def _is_delivered(self, waiter: TaskWaiter, *, is_end: bool) -> bool:
        """Whether the workflow waited and has the event now: then there is no need to store it."""
        if is_end:
            return waiter.end_token is not None and self._wake_of_end(waiter, waiter.end_token)
        return waiter.token is not None and self.workflow.wake(waiter.token)

    def _wake_of_end(self, waiter: TaskWaiter, end_token: str) -> bool:
        return self.workflow.wake(end_token, {"ended": waiter.machine.instance_id})
