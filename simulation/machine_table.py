"""The job table's machines: whose they are, and who waits for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from functions.execution.ports import MachineAssignment, TaskWaiter
from simulation.calls import Calls, refused
from simulation.damage import Damage

# As functions/aws has it: in one BatchWriteItem, in one TerminateInstances.
_MOST_WRITES, _MOST_ENDS = 25, 1_000


@dataclass
class _Item:
    machine: MachineAssignment
    token: str | None = None
    end_token: str | None = None
    event_name: str | None = None
    has_ended: bool = False


class SimulatedMachineTable:
    """The port MachineTable in memory, with the calls and conditions of functions/aws/machine_table.py."""

    def __init__(self, calls: Calls) -> None:
        self._items: dict[str, _Item] = {}
        self.damaged: dict[str, Damage] = {}  # by the instance's id
        self._ends: dict[str, None] = {}
        self._calls = calls

    def add(self, machine: MachineAssignment) -> None:
        self._calls.make("dynamodb:PutItem", lambda: self._items.setdefault(machine.instance_id, _Item(machine)))

    def store_token(self, instance_id: str, token: str) -> TaskWaiter:
        def effect() -> TaskWaiter:
            item = self._items.get(instance_id)
            if item is None:
                raise LookupError(f"{instance_id} was never registered as a machine")
            self._refuse_too_large(instance_id)
            had_news = item.event_name is not None
            item.token, item.event_name = token, None
            self._refuse_half_deleted(instance_id)
            return TaskWaiter(item.machine, token, had_news)

        return self._calls.make("dynamodb:UpdateItem", effect)

    def store_end_token(self, instance_id: str, token: str) -> bool:
        def effect() -> bool:
            item = self._items.get(instance_id)
            if item is None:
                raise LookupError(f"{instance_id} was never registered as a machine")
            self._refuse_too_large(instance_id)
            item.token, item.end_token, item.event_name = None, token, None
            return item.has_ended

        return self._calls.make("dynamodb:UpdateItem", effect)

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> TaskWaiter | None:
        def effect() -> TaskWaiter | None:
            item = self._items.get(instance_id)
            if item is None:
                return None
            self._refuse_too_large(instance_id)
            item.event_name, item.has_ended = event_name, item.has_ended or is_end
            self._refuse_half_deleted(instance_id)
            return TaskWaiter(item.machine, item.token, has_event=True, end_token=item.end_token)

        return self._calls.make("dynamodb:UpdateItem", effect)

    def has_event(self, instance_id: str) -> bool:
        def effect() -> bool:
            item = self._items.get(instance_id)
            return item is not None and item.event_name is not None

        return self._calls.make("dynamodb:GetItem", effect)

    def has_ended(self, instance_id: str) -> bool:
        def effect() -> bool:
            item = self._items.get(instance_id)
            return item is not None and item.has_ended

        return self._calls.make("dynamodb:GetItem", effect)

    def has(self, instance_id: str) -> bool:
        return instance_id in self._items

    def lose(self, instance_id: str) -> None:
        del self._items[instance_id]

    def _refuse_too_large(self, instance_id: str) -> None:
        if self.damaged.get(instance_id) is Damage.TOO_LARGE:
            raise refused("dynamodb:UpdateItem", "ValidationException")

    def _refuse_half_deleted(self, instance_id: str) -> None:
        if self.damaged.get(instance_id) is Damage.HALF_DELETED:
            raise KeyError("job_id")

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        self._write_ends(instance_ids, lambda these: self._ends.update(dict.fromkeys(these)))

    def queued_ends(self) -> Sequence[str]:
        return self._calls.make("dynamodb:Query", lambda: sorted(self._ends)[:_MOST_ENDS])

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None:
        def effect(these: Sequence[str]) -> None:
            for instance_id in these:
                self._ends.pop(instance_id, None)

        self._write_ends(instance_ids, effect)

    def _write_ends(self, instance_ids: Sequence[str], effect: Callable[[Sequence[str]], None]) -> None:
        for first in range(0, len(instance_ids), _MOST_WRITES):
            self._calls.make("dynamodb:BatchWriteItem", partial(effect, instance_ids[first : first + _MOST_WRITES]))
