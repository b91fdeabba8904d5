"""The line for machines: runs wait in it, in fair order, and a machine that is gone makes room for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.jobs import clock
from functions.jobs.errors import YourTurn
from functions.jobs.fair_order import IN_ORDER, fair_order, owners_cut_short
from functions.jobs.isolation import isolated
from functions.jobs.job import MachineRecord, Run
from functions.jobs.ports import Charge, LineTable, Slot, Ticket, Workflow
from functions.jobs.pricing import day_of, machine_cost

# A ticket whose workflow does not listen (it is between two tries and comes by itself) is passed over, this many times.
_TRIES = 5


def _is_quiet(ticket: Ticket) -> bool:
    return ticket.quiet_until is not None and ticket.quiet_until > clock.now()


@dataclass(frozen=True)
class Line:
    table: LineTable
    workflow: Workflow

    def give_back(self, run: Run, machines: Mapping[str, MachineRecord | None]) -> None:
        """Frees the slot of machines that are confirmed gone, and hands it to the next in line.

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

    def next_in_line(self, but: Run | None = None) -> Sequence[Ticket]:
        """The first, in fair order, whom one may ask to come again, without the run that is about to leave the line."""
        looked_at = IN_ORDER
        while True:
            tickets = self.table.oldest(looked_at)
            found = [ticket for ticket in tickets if ticket.run != but and not _is_quiet(ticket)]
            if looked_at > IN_ORDER or not owners_cut_short(tickets, looked_at, found, 1):
                return self._in_order(found)[:_TRIES]
            looked_at *= 10

    def _in_order(self, tickets: Sequence[Ticket]) -> Sequence[Ticket]:
        """Who holds slots, and who got a machine last, matters between owners alone."""
        if len({ticket.run.owner for ticket in tickets}) <= 1:
            return tickets
        return fair_order(tickets, self.table.slots(), self.table.last_served())

    def hand_over(self, but: Run | None = None) -> None:
        """Tells the next in line that there may be room; the one who hears it asks for the machines of all.

        A leader is not disturbed: it looks at the line again when it has given the lead back, and is often the next
        itself, which would leave its turn and begin it anew.
        """
        if self.table.is_led():
            return
        for ticket in self.next_in_line(but):
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
