"""The Launch step: each waiting run has a queue entry, and the holder of the launch lease launches for all.

A burst of jobs must not become a burst of calls: EC2 lets an account make about two RunInstances calls a second, but
launch a thousand machines in one of them (EC2 developer guide, "Request throttling"). So each run that enters the
queue also tries to acquire the lease; scheduler.py says what its holder does. The other runs have stored their task
token.

The holder's own workflow waits as well: if the holder dies, that workflow's retry takes the lease over.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import (
    CapacityAvailable,
    CapacityUnavailable,
    JobCostCap,
    JobEnded,
    LaunchRefused,
    LeaseLost,
    QueueTimeout,
    QuotaExceeded,
    StepError,
    Throttled,
)
from functions.jobs.isolation import isolated
from functions.jobs.job import Job, JobStatus, Run, TimelineEvent
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import open_job, require_active, require_open
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import BatchResult, QueueEntry, Refusal, RunReader, Slot
from functions.scheduling.scheduler import Scheduler

# How long one invocation keeps launching: well inside its function's time-out of a minute.
_HOLD_LEASE_FOR = timedelta(seconds=30)
# How often one attempt may ask for a machine. Each ask adds events to the execution's history, which is limited. After
# the eager asks, a run is woken at most once in this share of the queue's time-out; after the last one it fails
# (docs/decisions/0016-a-bounded-history.md).
_EAGER_ASKS = 70
_QUIET_SHARE = 60
MOST_ASKS = 140
# By the kind of EC2's last refusal.
STEP_ERRORS: dict[str, type[StepError]] = {
    "capacity": CapacityUnavailable,
    "quota": QuotaExceeded,
    "throttled": Throttled,
    "permanent": LaunchRefused,
}


@dataclass(frozen=True)
class LaunchStep:
    jobs: JobTable
    queue: LaunchQueue
    scheduler: Scheduler
    reader: RunReader

    def run(self, run: Run, attempt: int, token: str, asks: int = 0, redrives: int = 0) -> None:
        """Enqueues the run and, if the lease is free, launches for all runs in the queue.

        The answer goes through `token`: success with an `instance_id`, or one of errors.py's step errors. `asks`
        counts the earlier calls for this attempt, and starts at 0 again after a redrive of the workflow; `redrives`
        counts those.

        Raises:
            JobEnded: the run, or the attempt, is over; its entry is removed.
            JobCostCap: the next machine might cost more than is left for the job; its entry is removed.
            QueueTimeout: it has waited too long; its entry is removed.
        """
        try:
            # A lease holder may read the entry at once, so the entry names the requested type from the beginning.
            job = open_job(self.jobs, run)
            self.scheduler.spending.check_job(job)
            entry = self.queue.table.enqueue(
                run,
                attempt,
                token,
                job.overrides.instance_type,
                self._quiet_until(asks),
                _order(attempt, redrives, asks),
                on_demand_first=_has_lost_spot(job, attempt),
            )
            # Read after the entry was written: a cancellation after this finds it, and so does the lease's
            # holder, who reads the queue again after releasing it.
            latest, held, lease = self.reader.before_launch(run)
            require_open(latest, run)
        except (JobEnded, JobCostCap):
            self.queue.table.remove(run)
            raise
        # A slot exists when an earlier try of this step got a machine and only its answer was lost.
        if held is not None and held.machine.attempt > attempt:
            # The workflow no longer waits for this call. Its machine would replace the one that the run has.
            self.queue.table.remove(run, attempt)
            raise JobEnded(f"attempt {attempt} is over; the run has {held.machine.instance_id} for the next")
        slot = held if held is not None and held.machine.attempt == attempt else None
        too_long, too_often = self.scheduler.has_waited_too_long(entry), asks >= MOST_ASKS
        if slot is None and (too_long or too_often):
            self.queue.table.remove(run)
            raise QueueTimeout(
                f"No machine within {self.scheduler.timeout_text if too_long else f'{MOST_ASKS} requests'}."
            )
        if not lease.is_held:
            slot = self._schedule(entry, slot)
        if slot is not None:
            self.scheduler.assign(entry, slot)
        elif self.scheduler.is_full(lease.slots if lease.is_held else None):
            self._note_waiting(
                run, f"All {self.scheduler.max_concurrent} machines of this stack are busy; this job waits."
            )
        elif self.scheduler.is_held_back(entry):
            self._note_waiting(
                run, "The machines that run may cost what is left of today's cap; this job waits for them."
            )

    def _quiet_until(self, asks: int) -> str | None:
        if asks < _EAGER_ASKS:
            return None
        return clock.after(self.scheduler.queue_timeout / _QUIET_SHARE)

    def _note_waiting(self, run: Run, words: str) -> None:
        event = TimelineEvent("waiting", now(), words)
        with suppress(JobEnded):  # the cancellation has failed the workflow's step
            self.jobs.update(
                run.owner,
                run.job_id,
                require_active(run, lambda job: job.noted(event) if job.status is JobStatus.QUEUED else job),
            )

    def _schedule(self, entry: QueueEntry, slot: Slot | None) -> Slot | None:
        """Launches for the queue while the lease can be acquired; the slot of this entry, if it got one."""
        until = clock.utc_now() + _HOLD_LEASE_FOR
        while (lease := self.queue.table.acquire_lease(entry.run.name)) is not None:
            try:
                result = self.scheduler.run(lease, entry, until)
                slot = result.own or slot
                self.queue.table.release_lease(lease, result)
            except LeaseLost:
                return slot  # this call was delayed; the new lease holder launches for the others
            # The lease is released before another run is notified, so that the woken run can acquire it.
            served = entry.run if slot is not None else None
            if result.refusal is not None:
                self._notify_next(result, result.refusal, served)
                if result.refusal.kind == "throttled":
                    return slot
            # A run may have been enqueued, and found the lease taken, since the queue was last read.
            if not self.scheduler.launchable(1, result.refusals):
                return slot
            if served is not None or clock.utc_now() >= until:
                self.queue.notify_next(served)
                return slot
        return slot

    def _notify_next(self, result: BatchResult, last: Refusal, served: Run | None) -> None:
        """Wakes the next run, which launches for all, or fails the runs that have waited too long."""
        for entry in self.queue.next_waiting(but=served):
            with isolated("notify", entry.run.name):
                if self._is_notified(entry, result, last):
                    return

    def _is_notified(self, entry: QueueEntry, result: BatchResult, last: Refusal) -> bool:
        """Whether the entry's run was asked to try again; one that has waited too long is rejected instead."""
        refusal = last if last.kind == "throttled" else result.refusals.get(entry.requested_type)
        if self.scheduler.has_waited_too_long(entry):
            cause = f"No machine within {self.scheduler.timeout_text}"
            cause += f"; the last answer was {refusal}" if refusal else "."
            self.queue.reject(entry, QueueTimeout.__name__, cause)
            return False
        return self.queue.workflow.fail(entry.token, *_retry_error(refusal, last))


def _has_lost_spot(job: Job, attempt: int) -> bool:
    """Whether an earlier attempt of the job's run had a spot machine: it was interrupted, or lost otherwise."""
    return any(each.market == "spot" and each.run == job.run and each.attempt < attempt for each in job.machines)


def _order(attempt: int, redrives: int, asks: int) -> str:
    """Sorts every try of a run's Launch step after those before it."""
    return f"{attempt:06}.{redrives:06}.{asks:06}"


def _retry_error(refusal: Refusal | None, last: Refusal) -> tuple[str, str]:
    """Name and cause of the error for an entry, whether its own type was refused or only another one."""
    if refusal is None and last.kind == "permanent":
        return CapacityAvailable.__name__, "launches for other entries were refused permanently"
    answer = refusal or last
    return STEP_ERRORS[answer.kind].__name__, str(answer)
