"""The Launch step: everybody who waits takes a place in line, and one of them launches for all.

A burst of jobs must not become a burst of calls: EC2 lets an account make about two RunInstances calls a second, but
launch a thousand machines in one of them (EC2 developer guide, "Request throttling"). So whoever enters the line also
tries to take the lead; serving.py says what a leader does. The others have parked their task token and do nothing.

A leader's own workflow waits until it has led to the end: should the leader die, that workflow tries its step again
and takes the lead over.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import JobCostCap, JobEnded, LeadLost, QueueTimeout, YourTurn
from functions.jobs.isolation import isolated
from functions.jobs.job import JobStatus, Run, TimelineEvent
from functions.jobs.line import Line
from functions.jobs.open_run import open_job, unless_over
from functions.jobs.ports import JobTable, Refusal, Slot, Ticket, Turn
from functions.jobs.serving import STEP_ERRORS, Serving

# How long a leader goes on before another one takes over: well inside its function's minute.
_LEAD_FOR = timedelta(seconds=30)
# How often one attempt asks for a machine. Each time adds events to its execution's history, which has an end: after
# the first ones a run is asked to come again no more often than this part of the queue's time-out, and in the end it
# is sent away (docs/decisions/0016-a-bounded-history.md).
_EAGER_ASKS = 70
_QUIET_SHARE = 60
MOST_ASKS = 140


@dataclass(frozen=True)
class Launching:
    jobs: JobTable
    line: Line
    serving: Serving

    def enter(self, run: Run, attempt: int, token: str, asks: int = 0, redrives: int = 0) -> None:
        """Takes a place in line and, if nobody else does, launches for all in line.

        The workflow hears through `token`: success with its `instance_id`, or one of errors.py's step errors. `asks` is
        how often this attempt has come before; it begins anew when an operator redrives the workflow, of which
        `redrives` is the number.

        Raises:
            JobEnded: the run is over; it has no place in line any more.
            JobCostCap: the next machine might cost more than is left for the job; neither has it then.
            QueueTimeout: it has waited too long; neither has it then.
        """
        try:
            # A leader may see the ticket at once: it has to say from the beginning what will do.
            job = open_job(self.jobs, run)
            self.serving.spending.check_job(job)
            wish = job.overrides.instance_type
            ticket = self.line.table.enter(
                run, attempt, token, wish, self._quiet_until(asks), _order(attempt, redrives, asks)
            )
            open_job(self.jobs, run)  # who is cancelled after this finds the ticket
        except (JobEnded, JobCostCap):
            self.line.table.leave(run)
            raise
        # There is one when an earlier try of this step got as far as the machine and only its answer was lost.
        held = self.line.table.slot(run)
        slot = held if held is not None and held.machine.attempt == attempt else None
        too_long, too_often = self.serving.has_waited_too_long(ticket), asks >= MOST_ASKS
        if slot is None and (too_long or too_often):
            self.line.table.leave(run)
            raise QueueTimeout(f"No machine within {self.serving.patience if too_long else f'{MOST_ASKS} requests'}.")
        slot = self._lead(ticket, slot)
        if slot is not None:
            self.serving.give(ticket, slot)
        elif self.serving.is_full():
            words = (
                f"All {self.serving.max_concurrent} machines of this stack are busy; this job is in line for the next."
            )
            self._note_waiting(run, words)
        elif self.serving.is_held_back(ticket):
            self._note_waiting(
                run, "The machines that run may cost what is left of today's cap; this job waits for them."
            )

    def _quiet_until(self, asks: int) -> str | None:
        if asks < _EAGER_ASKS:
            return None
        return clock.rfc3339(clock.utc_now() + self.serving.queue_timeout / _QUIET_SHARE)

    def _note_waiting(self, run: Run, words: str) -> None:
        event = TimelineEvent("waiting", now(), words)
        with suppress(JobEnded):  # its workflow hears of that by itself
            self.jobs.update(
                run.owner,
                run.job_id,
                unless_over(run, lambda job: job.noted(event) if job.status is JobStatus.QUEUED else job),
            )

    def _lead(self, ticket: Ticket, slot: Slot | None) -> Slot | None:
        """Serves the line until this ticket has its slot, which is answered, unless somebody else leads."""
        until = clock.utc_now() + _LEAD_FOR
        while (lead := self.line.table.lead(ticket.run.name)) is not None:
            try:
                turn = self.serving.serve(lead, ticket, until)
                slot = turn.own or slot
                self.line.table.rest(lead, turn)
            except LeadLost:
                return slot  # this was held up for long; whoever leads by now serves the others
            # Whom to tell comes after the rest: whoever hears it shall find the lead free.
            served = ticket.run if slot is not None else None
            if turn.refusal is not None:
                self._leave_to_next(turn, turn.refusal, served)
                if turn.refusal.kind == "throttled":
                    return slot
            # Somebody may have entered, and found the lead taken, after the last look.
            if not self.serving.servable(1, turn.refusals):
                return slot
            if served is not None or clock.utc_now() >= until:
                self.line.hand_over(served)
                return slot
        return slot

    def _leave_to_next(self, turn: Turn, last: Refusal, served: Run | None) -> None:
        """It is for the next in line to come again, for all, or to give up."""
        for ticket in self.line.next_in_line(but=served):
            with isolated("notify", ticket.run.name):
                if self._is_told(ticket, turn, last):
                    return

    def _is_told(self, ticket: Ticket, turn: Turn, last: Refusal) -> bool:
        """Whether the ticket's run was told to come again; one that has waited too long is refused instead."""
        refusal = last if last.kind == "throttled" else turn.refusals.get(ticket.wish)
        if self.serving.has_waited_too_long(ticket):
            cause = f"No machine within {self.serving.patience}"
            cause += f"; the last answer was {refusal}" if refusal else "."
            self.line.turn_down(ticket, QueueTimeout.__name__, cause)
            return False
        return self.line.workflow.fail(ticket.token, *_come_again(refusal, last))


def _order(attempt: int, redrives: int, asks: int) -> str:
    """Sorts every try of a run's Launch step after those before it."""
    return f"{attempt:06}.{redrives:06}.{asks:06}"


def _come_again(refusal: Refusal | None, last: Refusal) -> tuple[str, str]:
    """The error that a ticket is told with its cause, be its own wish refused or only somebody else's."""
    if refusal is None and last.kind == "permanent":
        return YourTurn.__name__, "others were refused for good"
    told = refusal or last
    return STEP_ERRORS[told.kind].__name__, str(told)
