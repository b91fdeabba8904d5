"""The sweeper: the last resort for jobs without a workflow and machines without a job.

It never touches a machine that a running workflow holds a slot for, as long as the machine is inside its deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

from functions.jobs import clock
from functions.jobs.advice import job_error
from functions.jobs.clock import now
from functions.jobs.ending import is_gone
from functions.jobs.errors import JobNotFound, YourTurn
from functions.jobs.job import Job, JobStatus, MachineRecord, Run, TimelineEvent
from functions.jobs.line import Line
from functions.jobs.measuring import ORPHANS_ENDED, Meter, NoMeter, swept
from functions.jobs.open_run import is_over
from functions.jobs.pool import MAX_AGE
from functions.jobs.pool_ports import PoolTable
from functions.jobs.ports import AliveMachine, JobTable, Machines, Slot, Workflow

VERIFIED_BY_SWEEPER = "EC2 answered the sweeper that the instance is terminated"
_RUNNING = "RUNNING"
# Places in line that a sweep looks at, from the oldest.
_LOOK_AT = 100
# A day more than the pool's keeper leaves a machine.
_POOL_FORGOTTEN_AFTER = MAX_AGE + timedelta(days=1)


@dataclass
class SweepReport:
    """What a sweep found and mended, by id."""

    started: list[str] = field(default_factory=list)  # jobs whose stream record never arrived
    ended: list[str] = field(default_factory=list)  # jobs whose workflow ended without an outcome
    terminated: list[str] = field(default_factory=list)  # machines that no running workflow is responsible for


@dataclass(frozen=True)
class Sweeping:
    """Looks after what nobody else does.

    `grace` is how long anything may be in the making, `machine_deadline` the age at which a machine is too old for any
    job.
    """

    jobs: JobTable
    line: Line
    machines: Machines
    workflow: Workflow
    stack: str
    grace: timedelta
    machine_deadline: timedelta
    confirm_waits: Sequence[float]  # seconds between looks at a machine that ends; a later sweep looks again
    sleep: Callable[[float], None]
    meter: Meter = field(default_factory=NoMeter)
    pool: PoolTable | None = None

    def sweep(self) -> SweepReport:
        report = SweepReport()
        is_running = cache(lambda run: self.workflow.state(run) == _RUNNING)
        jobs_open = 0
        for job in self.jobs.open_jobs():
            jobs_open += 1
            if clock.age(job.updated_at) >= self.grace:
                self._mend(job, report)
        for slot in self.line.table.slots():
            if clock.age(slot.machine.launched_at) >= self.grace and not is_running(slot.run):
                self._free(slot, report)
        # The slots are read after the machines: one that was handed out in between is found. So is one that was the
        # pool's in between.
        everything = list(self.machines.alive_of_stack(self.stack))
        pooled = self._of_pool(everything)
        alive = [
            one for one in everything if clock.age(one.launched_at) >= self.grace and one.instance_id not in pooled
        ]
        slots = {slot.machine.instance_id: slot for slot in self.line.table.slots()} if alive else {}
        for machine in alive:
            held = slots.get(machine.instance_id)
            is_live = held is not None and is_running(held.run)
            if not is_live or clock.age(machine.launched_at) >= self.machine_deadline:
                self._end_machine(machine.instance_id, held, report)
        self._see_to_line(is_running)
        overdue = [one for one in alive if clock.age(one.launched_at) >= self.machine_deadline]
        waiting = [one for one in everything if one.instance_id in pooled and one.is_down]
        self.meter.take(swept(jobs_open=jobs_open, alive=len(everything) - len(waiting), overdue=len(overdue)))
        return report

    def _of_pool(self, alive: Sequence[AliveMachine]) -> set[str]:
        """Those that the pool's keeper looks after; not what it should have ended long ago, or what runs for too long.

        What is claimed is among them: its leader may be about to hand it out.
        """
        if self.pool is None or not alive:
            return set()
        young = {one.instance_id for one in self.pool.machines() if clock.age(one.prepared_at) < _POOL_FORGOTTEN_AFTER}
        return {
            one.instance_id
            for one in alive
            if one.instance_id in young and (one.is_down or clock.age(one.launched_at) < self.machine_deadline)
        }

    def run_ended(self, run: Run, state: str) -> SweepReport:
        """Sees to a run whose workflow ended as `state` (FAILED, TIMED_OUT, ABORTED), without waiting for a sweep."""
        report = SweepReport()
        if self._end_job(run, state):
            report.ended.append(run.job_id)
        self.line.table.leave(run)
        slot = self.line.table.slot(run)
        if slot is None:
            self.line.hand_over()
            return report
        for wait in self.confirm_waits:
            if self._free(slot, report):
                return report
            self.sleep(wait)
        self._free(slot, report)
        return report

    def _mend(self, job: Job, report: SweepReport) -> None:
        run, state = job.this_run, self.workflow.state(job.this_run)
        if state == _RUNNING:
            return
        if state is None and job.status is JobStatus.QUEUED:
            self.workflow.start(run, job.attempts + 1)
            report.started.append(job.id)
        elif self._end_job(run, state or "unknown"):
            report.ended.append(job.id)

    def _end_job(self, run: Run, state: str) -> bool:
        """Whether the run was not over yet."""
        ended = False

        def change(job: Job) -> Job:
            nonlocal ended
            ended = not is_over(job, run)
            if not ended:
                return job
            error = job_error("internal_error", f"The job's workflow ended as {state} without an outcome.")
            return replace(job.moved(JobStatus.FAILED, TimelineEvent("failed", now(), error.message)), error=error)

        with suppress(JobNotFound):
            self.jobs.update(run.owner, run.job_id, change)
        return ended

    def _free(self, slot: Slot, report: SweepReport) -> bool:
        """Ends the machine of a slot that no workflow looks after; whether that is seen done and the slot free."""
        machine = slot.machine
        if not is_gone(self.machines, machine.instance_id, machine.launched_at):
            self._note_swept(slot, report)
            return False
        ended = machine.ended(now(), VERIFIED_BY_SWEEPER)
        with suppress(JobNotFound):
            job = self.jobs.update(slot.run.owner, slot.run.job_id, lambda job: _with_end(job, ended))
            ended = job.machine(machine.instance_id) or ended
        self.line.give_back(slot.run, {machine.instance_id: ended})
        return True

    def _end_machine(self, instance_id: str, slot: Slot | None, report: SweepReport) -> None:
        self.machines.terminate(instance_id)
        if slot is not None:
            self._note_swept(slot, report)
        else:
            self._tell(instance_id, report)  # whose it was, nobody knows: never handed out, or tagged by hand

    def _note_swept(self, slot: Slot, report: SweepReport) -> None:
        instance_id = slot.machine.instance_id
        self._tell(instance_id, report)
        event = TimelineEvent("machine_swept", now(), f"{instance_id} was still there; the sweeper ended it.")
        with suppress(JobNotFound):  # deleted meanwhile; the machine is ended all the same
            self.jobs.update(slot.run.owner, slot.run.job_id, lambda job: job.noted(event))

    def _tell(self, instance_id: str, report: SweepReport) -> None:
        if instance_id not in report.terminated:
            report.terminated.append(instance_id)
            self.meter.take([ORPHANS_ENDED.of(1)])

    def _see_to_line(self, is_running: Callable[[Run], bool]) -> None:
        """Takes out whom no workflow stands behind, and wakes the oldest of the others, should all have been missed.

        Who has a slot for long and was not told of it asks anew as well, and then finds it.
        """
        tickets = self.line.table.oldest(_LOOK_AT)
        slots = {slot.run: slot for slot in self.line.table.slots()} if tickets else {}
        for ticket in tickets:
            if clock.age(ticket.since) >= self.grace and not is_running(ticket.run):
                self.line.table.leave(ticket.run)
                continue
            slot = slots.get(ticket.run)
            has_slot = slot is not None and slot.machine.attempt == ticket.attempt
            if slot is not None and has_slot and clock.age(slot.machine.launched_at) >= self.grace:
                self.line.workflow.fail(ticket.token, YourTurn.__name__, "there is a machine")
        self.line.hand_over()


def _with_end(job: Job, machine: MachineRecord) -> Job:
    ended = job.machine(machine.instance_id) or machine
    ended = ended.ended(machine.terminated_at or now(), VERIFIED_BY_SWEEPER)
    event = TimelineEvent("machine_terminated", now(), f"{machine.instance_id} is confirmed terminated.")
    return job.with_machine(ended).noted(event)
