"""The machines of a run that ends: which they are, whether they are gone, and what of that is noted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from functions.execution.ports import Machines
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import JobNotFound, JobUnreadable, RecordRefused
from functions.jobs.job import Job, MachineReceipt, Run, TimelineEvent
from functions.jobs.machine_state import TERMINATING
from functions.jobs.ports import JobTable
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import RunReader

# EC2 goes on showing a terminated instance for about an hour.
_FORGOTTEN_AFTER = timedelta(minutes=30)

# By instance id; None where there is no receipt.
Receipts = Mapping[str, MachineReceipt | None]


@dataclass(frozen=True)
class RunMachines:
    """Finds the machines of a run that ends.

    Sources are the job's record, the slot (for a machine whose launch is not in the record) and the workflow.
    """

    jobs: JobTable
    queue: LaunchQueue
    machines: Machines
    reader: RunReader

    def dequeue_and_list(self, run: Run, instance_id: str | None) -> tuple[Receipts, Job | None]:
        """Removes the run from the queue; its machines, and the job.

        The job is None where there is none, or none that can be read.
        """
        job, slot, is_waiting = self.reader.at_end(run)
        if is_waiting:
            self.queue.table.remove(run)
            job, slot, _ = self.reader.at_end(run)  # a lease holder may have found the entry until now
        found: dict[str, MachineReceipt | None] = {instance_id: None} if instance_id else {}
        if slot is not None:
            found[slot.machine.instance_id] = slot.machine
        if job is not None:
            found |= {machine.instance_id: machine for machine in job.machines if machine.run == run.number}
        return dict(sorted(found.items())), job


def ensure_terminated(machines: Machines, instance_id: str, launched_at: str | None) -> bool:
    """Whether EC2 has terminated an instance; asks it to, where it has not begun."""
    state = machines.instance_state(instance_id)
    if state is None:
        # Not known yet, right after the launch; or not any more, an hour or so after the end.
        age = clock.age(launched_at) if launched_at else _FORGOTTEN_AFTER
        return age >= _FORGOTTEN_AFTER
    if state not in TERMINATING:
        state = machines.terminate(instance_id) or state
    return state == "terminated"


def note_ends(
    jobs: JobTable, run: Run, machines: Receipts, verified: str, known: Job | None = None
) -> tuple[Receipts, Job | None]:
    """Writes the ends of machines into their job; the receipts with these, and the job.

    The job's receipts decide what is charged. The job is None where its record could not be written.
    """
    job, moment = None, now()
    ended = {one: receipt and receipt.ended(moment, verified) for one, receipt in machines.items()}
    events = [TimelineEvent("machine_terminated", moment, f"{one} is confirmed terminated.") for one in machines]

    def change(job: Job) -> Job:
        for receipt in filter(None, ended.values()):
            first = job.machine(receipt.instance_id) or receipt  # an end that the job has already is kept
            job = job.with_machine(first.ended(receipt.terminated_at or moment, verified))
        return job.noted(*events)

    # A record that is deleted, or can never be written, does not keep the slot: the machines are gone.
    with suppress(JobNotFound, JobUnreadable, RecordRefused):
        job = jobs.update(run.owner, run.job_id, change, known)
        ended |= {machine.instance_id: machine for machine in job.machines if machine.instance_id in ended}
    return ended, job
