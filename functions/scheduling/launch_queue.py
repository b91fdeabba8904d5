"""The launch queue: runs wait in it, in fair order, and a machine that is gone makes room for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.costs.pricing import day_of, machine_cost
from functions.jobs import clock
from functions.jobs.errors import CapacityAvailable
from functions.jobs.isolation import isolated
from functions.jobs.job import MachineReceipt, Run
from functions.jobs.ports import Workflow
from functions.scheduling.fair_order import IN_ORDER, fair_order, owners_cut_short
from functions.scheduling.ports import Charge, QueueEntry, SchedulingTable, Slot

# A ticket whose workflow does not listen (it is between two tries and comes by itself) is passed over, this many times.
_TRIES = 5


def _is_quiet(entry: QueueEntry) -> bool:
    return entry.quiet_until is not None and entry.quiet_until > clock.now()


@dataclass(frozen=True)
class LaunchQueue:
    table: SchedulingTable
    workflow: Workflow

    def release_slot(self, run: Run, machines: Mapping[str, MachineReceipt | None]) -> None:
        """Frees the slot of machines that are confirmed gone, and hands it to the next in the queue.

        Before that it enters what they have cost, where their records are known.
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
        """The first, in fair order, whom one may ask to come again, without the run that is about to leave the queue."""
        looked_at = IN_ORDER
        while True:
            entries = self.table.oldest(looked_at)
            found = [entry for entry in entries if entry.run != but and not _is_quiet(entry)]
            if looked_at > IN_ORDER or not owners_cut_short(entries, looked_at, found, 1):
                return self._in_order(found)[:_TRIES]
            looked_at *= 10

    def _in_order(self, entries: Sequence[QueueEntry]) -> Sequence[QueueEntry]:
        """Who holds slots, and who got a machine last, matters between owners alone."""
        if len({entry.run.owner for entry in entries}) <= 1:
            return entries
        return fair_order(entries, self.table.slots(), self.table.last_served())

    def notify_next(self, but: Run | None = None) -> None:
        """Tells the next in the queue that there may be room; the one who hears it asks for the machines of all.

        A leader is not disturbed: it looks at the line again when it has given the lease back, and is often the next
        itself, which would leave its turn and begin it anew.
        """
        if self.table.is_leased():
            return
        for entry in self.next_waiting(but):
            with isolated("notify the next in the queue", entry.run.name):
                if self.workflow.fail(entry.token, CapacityAvailable.__name__, "there may be room"):
                    return

    def reject(self, entry: QueueEntry, error: str, cause: str) -> bool:
        """Tells a run that it gets no machine; False when it does not listen.

        Then it keeps its place, and hears when it comes again.
        """
        heard = self.workflow.fail(entry.token, error, cause)
        if heard:
            self.table.remove(entry.run, entry.attempt)
        return heard

    def dequeue(self, run: Run, error: str, cause: str) -> None:
        """Takes a run that is over out of the queue and lets its workflow know why."""
        entry = self.table.remove(run)
        if entry is not None:
            self.workflow.fail(entry.token, error, cause)

    def notify(self, entry: QueueEntry, slot: Slot) -> bool:
        """Tells a waiting run of its machine; False when its workflow does not wait any more.

        The slot was granted before, and the entry goes last: whoever is interrupted in between is done by the next
        leader, by the run's own next try or by the sweeper.
        """
        machine = {"instance_id": slot.machine.instance_id}
        heard = self.workflow.wake(entry.token, machine)
        latest = None if heard else self.table.entry(entry.run)
        if latest is not None and latest.attempt == entry.attempt and latest.token != entry.token:
            heard = self.workflow.wake(latest.token, machine)  # the step was tried anew meanwhile
        self.table.remove(entry.run, entry.attempt)
        return heard
