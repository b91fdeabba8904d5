"""The line for machines: runs wait in it, oldest job first, and a machine that is gone makes room for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.jobs import clock
from functions.jobs.errors import YourTurn
from functions.jobs.isolation import isolated
from functions.jobs.job import MachineRecord, Run
from functions.jobs.ports import Charge, LineTable, Slot, Ticket, Workflow
from functions.jobs.pricing import day_of, machine_cost

# A ticket whose workflow does not listen (it is between two tries and comes by itself) is passed over, this many times.
_TRIES = 5


# Places in line to look at for a run that may be asked to come again.
_LOOK_AT = 100


def _is_quiet(ticket: Ticket) -> bool:
    return ticket.quiet_until is not None and ticket.quiet_until > clock.now()


@dataclass(frozen=True)
class Line:
    table: LineTable
    workflow: Workflow

    def give_back(self, run: Run, machines: Mapping[str, MachineRecord | None]) -> None:
        """Frees the slot of machines that are confirmed gone, and hands it to whoever waits longest.

        Before that it enters what they have cost, where their records are known.
        """
        for instance_id, machine in machines.items():
            if machine is not None:
                self.charge(run.owner, machine)
            self.table.give_back(run, instance_id)
        self.hand_over()

    def charge(self, owner: str, machine: MachineRecord) -> None:
        cost = machine_cost(machine, clock.utc_now())
        if cost is not None:
            self.table.charge(Charge(day_of(machine), owner, machine.instance_id, cost))

    def oldest(self, but: Run | None = None) -> Sequence[Ticket]:
        """The first in line whom one may ask to come again, without the run that is about to leave it."""
        looked_at = _TRIES
        while True:
            tickets = self.table.oldest(looked_at)
            found = [ticket for ticket in tickets if ticket.run != but and not _is_quiet(ticket)]
            if found or len(tickets) < looked_at or looked_at > _LOOK_AT:
                return found[:_TRIES]
            looked_at *= 10

    def hand_over(self, but: Run | None = None) -> None:
        """Tells the oldest in line that there may be room; the one who hears it asks for the machines of all.

        A leader is not disturbed: it looks at the line again when it has given the lead back, and is often the oldest
        itself, which would leave its turn and begin it anew.
        """
        if self.table.is_led():
            return
        for ticket in self.oldest(but):
            with isolated("notify the next in the queue", ticket.run.name):
                if self.workflow.fail(ticket.token, YourTurn.__name__, "there may be room"):
                    return

    def turn_down(self, ticket: Ticket, error: str, cause: str) -> bool:
        """Tells a run that it gets no machine; False when it does not listen.

        Then it keeps its place, and hears when it comes again.
        """
        heard = self.workflow.fail(ticket.token, error, cause)
        if heard:
            self.table.leave(ticket.run, ticket.attempt)
        return heard

    def send_away(self, run: Run, error: str, cause: str) -> None:
        """Takes a run that is over out of the line and lets its workflow know why."""
        ticket = self.table.leave(run)
        if ticket is not None:
            self.workflow.fail(ticket.token, error, cause)

    def tell(self, ticket: Ticket, slot: Slot) -> bool:
        """Tells a waiting run of its machine; False when its workflow does not wait any more.

        The slot was granted before, and the ticket goes last: whoever is interrupted in between is done by the next
        leader, by the run's own next try or by the sweeper.
        """
        machine = {"instance_id": slot.machine.instance_id}
        heard = self.workflow.wake(ticket.token, machine)
        latest = None if heard else self.table.ticket(ticket.run)
        if latest is not None and latest.attempt == ticket.attempt and latest.token != ticket.token:
            heard = self.workflow.wake(latest.token, machine)  # the step was tried anew meanwhile
        self.table.leave(ticket.run, ticket.attempt)
        return heard
