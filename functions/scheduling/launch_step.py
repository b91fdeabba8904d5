"""The Launch step: everybody who waits takes a queue entry, and one of them launches for all.

A burst of jobs must not become a burst of calls: EC2 lets an account make about two RunInstances calls a second, but
launch a thousand machines in one of them (EC2 developer guide, "Request throttling"). So whoever enters the queue also
tries to take the lease; scheduler.py says what a leader does. The others have parked their task token and do nothing.

A leader's own workflow waits until it has led to the end: should the leader die, that workflow tries its step again
and takes the lease over.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import CapacityAvailable, JobCostCap, JobEnded, LeaseLost, QueueTimeout
from functions.jobs.isolation import isolated
from functions.jobs.job import JobStatus, Run, TimelineEvent
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import open_job, require_active
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import BatchResult, QueueEntry, Refusal, Slot
from functions.scheduling.scheduler import STEP_ERRORS, Scheduler

# How long a leader goes on before another one takes over: well inside its function's minute.
_HOLD_LEASE_FOR = timedelta(seconds=30)
# How often one attempt asks for a machine. Each time adds events to its execution's history, which has an end: after
# the first ones a run is asked to come again no more often than this part of the queue's time-out, and in the end it
# is sent away (docs/decisions/0016-a-bounded-history.md).
_EAGER_ASKS = 70
_QUIET_SHARE = 60
MOST_ASKS = 140


@dataclass(frozen=True)
class LaunchStep:
    jobs: JobTable
    queue: LaunchQueue
    scheduler: Scheduler

    def run(self, run: Run, attempt: int, token: str, asks: int = 0, redrives: int = 0) -> None:
        """Takes a queue entry and, if nobody else does, launches for all in the queue.

        The workflow hears through `token`: success with its `instance_id`, or one of errors.py's step errors. `asks` is
        how often this attempt has come before; it begins anew when an operator redrives the workflow, of which
        `redrives` is the number.

        Raises:
            JobEnded: the run is over; it has no queue entry any more.
            JobCostCap: the next machine might cost more than is left for the job; neither has it then.
            QueueTimeout: it has waited too long; neither has it then.
        """
        try:
            # A leader may see the entry at once: it has to say from the beginning what will do.
            job = open_job(self.jobs, run)
            self.scheduler.spending.check_job(job)
            requested_type = job.overrides.instance_type
            entry = self.queue.table.enqueue(
                run, attempt, token, requested_type, self._quiet_until(asks), _order(attempt, redrives, asks)
            )
            open_job(self.jobs, run)  # who is cancelled after this finds the entry
        except (JobEnded, JobCostCap):
            self.queue.table.remove(run)
            raise
        # There is one when an earlier try of this step got as far as the machine and only its answer was lost.
        held = self.queue.table.slot(run)
        slot = held if held is not None and held.machine.attempt == attempt else None
        too_long, too_often = self.scheduler.has_waited_too_long(entry), asks >= MOST_ASKS
        if slot is None and (too_long or too_often):
            self.queue.table.remove(run)
            raise QueueTimeout(f"No machine within {self.scheduler.patience if too_long else f'{MOST_ASKS} requests'}.")
        slot = self._schedule(entry, slot)
        if slot is not None:
            self.scheduler.assign(entry, slot)
        elif self.scheduler.is_full():
            words = f"All {self.scheduler.max_concurrent} machines of this stack are busy; this job is in the queue for the next."
            self._note_waiting(run, words)
        elif self.scheduler.is_held_back(entry):
            self._note_waiting(
                run, "The machines that run may cost what is left of today's cap; this job waits for them."
            )

    def _quiet_until(self, asks: int) -> str | None:
        if asks < _EAGER_ASKS:
            return None
        return clock.rfc3339(clock.utc_now() + self.scheduler.queue_timeout / _QUIET_SHARE)

    def _note_waiting(self, run: Run, words: str) -> None:
        event = TimelineEvent("waiting", now(), words)
        with suppress(JobEnded):  # its workflow hears of that by itself
            self.jobs.update(
                run.owner,
                run.job_id,
                require_active(run, lambda job: job.noted(event) if job.status is JobStatus.QUEUED else job),
            )

    def _schedule(self, entry: QueueEntry, slot: Slot | None) -> Slot | None:
        """Serves the line until this ticket has its slot, which is answered, unless somebody else leads."""
        until = clock.utc_now() + _HOLD_LEASE_FOR
        while (lease := self.queue.table.acquire_lease(entry.run.name)) is not None:
            try:
                result = self.scheduler.run(lease, entry, until)
                slot = result.own or slot
                self.queue.table.release_lease(lease, result)
            except LeaseLost:
                return slot  # this was held up for long; whoever leads by now serves the others
            # Whom to tell comes after the rest: whoever hears it shall find the lease free.
            served = entry.run if slot is not None else None
            if result.refusal is not None:
                self._leave_to_next(result, result.refusal, served)
                if result.refusal.kind == "throttled":
                    return slot
            # Somebody may have entered, and found the lease taken, after the last look.
            if not self.scheduler.launchable(1, result.refusals):
                return slot
            if served is not None or clock.utc_now() >= until:
                self.queue.notify_next(served)
                return slot
        return slot

    def _leave_to_next(self, result: BatchResult, last: Refusal, served: Run | None) -> None:
        """It is for the next in the queue to come again, for all, or to give up."""
        for entry in self.queue.next_waiting(but=served):
            with isolated("notify", entry.run.name):
                if self._is_told(entry, result, last):
                    return

    def _is_told(self, entry: QueueEntry, result: BatchResult, last: Refusal) -> bool:
        """Whether the entry's run was told to come again; one that has waited too long is refused instead."""
        refusal = last if last.kind == "throttled" else result.refusals.get(entry.requested_type)
        if self.scheduler.has_waited_too_long(entry):
            cause = f"No machine within {self.scheduler.patience}"
            cause += f"; the last answer was {refusal}" if refusal else "."
            self.queue.reject(entry, QueueTimeout.__name__, cause)
            return False
        return self.queue.workflow.fail(entry.token, *_come_again(refusal, last))


def _order(attempt: int, redrives: int, asks: int) -> str:
    """Sorts every try of a run's Launch step after those before it."""
    return f"{attempt:06}.{redrives:06}.{asks:06}"


def _come_again(refusal: Refusal | None, last: Refusal) -> tuple[str, str]:
    """The error that a entry is told with its cause, be its own wish refused or only somebody else's."""
    if refusal is None and last.kind == "permanent":
        return CapacityAvailable.__name__, "others were refused for good"
    told = refusal or last
    return STEP_ERRORS[told.kind].__name__, str(told)
