"""The launch queue: runs wait in it in fair order; each machine that ends makes room for the next run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.costs.ports import Charge
from functions.costs.pricing import day_of, machine_cost
from functions.jobs import clock
from functions.jobs.errors import CapacityAvailable
from functions.jobs.isolation import isolated
from functions.jobs.job import MachineReceipt, Run
from functions.jobs.ports import Workflow
from functions.scheduling.boot import FIRST_GUESS
from functions.scheduling.fair_order import IN_ORDER, fair_order, owners_cut_short
from functions.scheduling.ports import QueueEntry, SchedulingTable, Slot

# How many entries are tried whose workflow takes no answer: it is between two tries, and asks again by itself.
_TRIES = 5


def _online_at(slot: Slot) -> str:
    """When the workflow tries again if the agent is not online yet."""
    guess = datetime.fromisoformat(slot.machine.launched_at) + FIRST_GUESS
    return slot.online_at or clock.rfc3339(guess)


def _is_quiet(entry: QueueEntry) -> bool:
    return entry.quiet_until is not None and entry.quiet_until > clock.now()


@dataclass(frozen=True)
class LaunchQueue:
    table: SchedulingTable
    workflow: Workflow

    def release_slot(self, run: Run, machines: Mapping[str, MachineReceipt | None]) -> None:
        """Frees the slots of machines that are confirmed terminated, and notifies the next run.

        The cost of each machine is entered into the ledger first, where its receipt is known.
        """
        for instance_id, machine in machines.items():
            if machine is not None:
                self.charge(run.owner, machine)
            self.table.release_slot(run, instance_id)
        self.notify_next()

    def charge(self, owner: str, machine: MachineReceipt) -> None:
        cost = machine_cost(machine, clock.utc_now())
        if cost is not None:
            self.table.charge(Charge(day_of(machine), owner, machine.instance_id, cost))

    def next_waiting(self, but: Run | None = None) -> Sequence[QueueEntry]:
        """The first entries, in fair order, whose runs may be asked to try again; `but` is about to leave the queue."""
        looked_at = IN_ORDER
        while True:
            entries = self.table.oldest(looked_at)
            found = [entry for entry in entries if entry.run != but and not _is_quiet(entry)]
            if looked_at > IN_ORDER or not owners_cut_short(entries, looked_at, found, 1):
                return self._in_order(found)[:_TRIES]
            looked_at *= 10

    def _in_order(self, entries: Sequence[QueueEntry]) -> Sequence[QueueEntry]:
        """Slots and the last machine an owner got matter only where several owners wait, so they are read only then."""
        if len({entry.run.owner for entry in entries}) <= 1:
            return entries
        return fair_order(entries, self.table.slots(), self.table.last_served())

    def notify_next(self, but: Run | None = None) -> None:
        """Wakes the first waiting run whose workflow takes the answer; that run launches for all.

        While the lease is held, no run is woken: its holder reads the queue again after releasing it, and is often the
        next run itself.
        """
        waiting = self.next_waiting(but)
        if not waiting or self.table.is_leased():
            return
        for entry in waiting:
            with isolated("notify the next in the queue", entry.run.name):
                if self.workflow.fail(entry.token, CapacityAvailable.__name__, "there may be room"):
                    return

    def reject(self, entry: QueueEntry, error: str, cause: str) -> bool:
        """Fails a waiting run's Launch step; False if its workflow takes no answer now.

        Such a run keeps its entry, and is rejected when it asks again.
        """
        delivered = self.workflow.fail(entry.token, error, cause)
        if delivered:
            self.table.remove(entry.run, entry.attempt)
        return delivered

    def dequeue(self, run: Run, error: str, cause: str) -> None:
        """Removes the entry of a run that is over, and fails its waiting Launch step."""
        entry = self.table.remove(run)
        if entry is not None:
            self.workflow.fail(entry.token, error, cause)

    def notify(self, entry: QueueEntry, slot: Slot) -> bool:
        """Gives a waiting run its machine; False if its workflow does not wait any more.

        The slot was granted before, and the entry is removed last. A crash in between is mended by the next lease
        holder, by the run's own next try or by the sweeper.
        """
        machine = {"instance_id": slot.machine.instance_id, "online_at": _online_at(slot)}
        delivered = self.workflow.wake(entry.token, machine)
        latest = None if delivered else self.table.entry(entry.run)
        if latest is not None and latest.attempt == entry.attempt and latest.token != entry.token:
            delivered = self.workflow.wake(latest.token, machine)  # the step was tried again meanwhile
        self.table.remove(entry.run, entry.attempt)
        return delivered
