"""The machines of a run that ends: which they are, and whether they are gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from functions.execution.ports import Machines
from functions.jobs import clock
from functions.jobs.job import Job, MachineReceipt, Run
from functions.jobs.machine_state import TERMINATING
from functions.jobs.ports import JobTable
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import RunReader

# EC2 goes on showing a terminated instance for about an hour.
_FORGOTTEN_AFTER = timedelta(minutes=30)


@dataclass(frozen=True)
class RunMachines:
    """Finds the machines of a run that ends.

    Sources are the job's record, the slot (for a machine whose launch is not in the record) and the workflow.
    """

    jobs: JobTable
    queue: LaunchQueue
    machines: Machines
    reader: RunReader

    def dequeue_and_list(
        self, run: Run, instance_id: str | None
    ) -> tuple[dict[str, MachineReceipt | None], Job | None]:
        """Removes the run from the queue; each machine's receipt, if there is one, by instance id, and the job.

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
