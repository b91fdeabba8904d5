"""The job table's pool: machines that wait, and who claimed them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from functions.jobs.clock import now
from functions.scheduling.warm_pool_ports import Claim, PooledMachine
from simulation.calls import Calls


class SimulatedWarmPoolTable:
    """The port WarmPoolTable in memory, with the calls and conditions of functions/aws/warm_pool_table.py."""

    def __init__(self, calls: Calls) -> None:
        self.items: dict[str, PooledMachine] = {}
        self._calls = calls

    def add(self, machines: Sequence[PooledMachine]) -> None:
        for machine in machines:
            self._calls.make("dynamodb:PutItem", partial(self.items.__setitem__, machine.instance_id, machine))

    def machines(self) -> Sequence[PooledMachine]:
        return self._calls.make("dynamodb:Query", lambda: [self.items[one] for one in sorted(self.items)])

    def ask_stop(self, instance_id: str) -> bool:
        moment = now()

        def is_fine(item: PooledMachine) -> bool:
            return item.claim is None and not item.is_ready

        return self._change(instance_id, is_fine, lambda item: replace(item, stop_asked_at=moment))

    def make_ready(self, machine: PooledMachine) -> bool:
        def is_fine(item: PooledMachine) -> bool:
            return item.claim is None and item.stop_asked_at == machine.stop_asked_at

        return self._change(machine.instance_id, is_fine, lambda item: replace(item, is_ready=True))

    def claim(self, instance_id: str, token: str) -> PooledMachine | None:
        claim = Claim(token, now())

        def is_fine(item: PooledMachine) -> bool:
            return item.is_ready and (item.claim is None or item.claim.token == token)

        claimed = self._change(instance_id, is_fine, lambda item: replace(item, claim=claim))
        return self.items.get(instance_id) if claimed else None

    def release(self, machine: PooledMachine) -> bool:
        if machine.claim is None:
            return False
        return self._change(
            machine.instance_id, lambda item: item.claim == machine.claim, lambda item: replace(item, claim=None)
        )

    def remove(self, machine: PooledMachine) -> bool:
        def effect() -> bool:
            item = self.items.get(machine.instance_id)
            if item is None or item.claim != machine.claim:
                return False
            del self.items[machine.instance_id]
            return True

        return self._calls.make("dynamodb:DeleteItem", effect)

    def _change(
        self,
        instance_id: str,
        is_fine: Callable[[PooledMachine], bool],
        change: Callable[[PooledMachine], PooledMachine],
    ) -> bool:
        def effect() -> bool:
            item = self.items.get(instance_id)
            if item is None or not is_fine(item):
                return False
            self.items[instance_id] = change(item)
            return True

        return self._calls.make("dynamodb:UpdateItem", effect)
