"""The Terminate step: asks EC2 to terminate the machines of a run."""

from __future__ import annotations

from dataclasses import dataclass

from functions.cleanup.run_machines import RunMachines
from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.ports import MachineAssignment, MachineTable
from functions.jobs.job import MachineReceipt, Run


@dataclass(frozen=True)
class TerminateStep:
    ends: RunMachines
    machine_table: MachineTable
    batcher: TerminationBatcher

    def terminate(self, run: Run, instance_id: str | None, token: str) -> None:
        """Terminates every machine of the run; `token` completes when the first of them has ended.

        Raises:
            Throttled
        """
        records, _ = self.ends.dequeue_and_list(run, instance_id)
        # The token is stored before EC2 is called, so that an event right afterwards finds it.
        alive = [
            one
            for one, record in records.items()
            if (record is None or record.terminated_at is None) and not self._store_token(run, one, record, token)
        ]
        states = self.batcher.end(alive) if alive else {}
        # No event may come for an instance that EC2 does not know, no longer or not yet: Release confirms its end.
        if all(states.get(one, "unknown") in {"terminated", "unknown"} for one in alive):
            self.ends.queue.workflow.wake(token)

    def _store_token(self, run: Run, instance_id: str, record: MachineReceipt | None, token: str) -> bool:
        """Stores the token; whether the machine has ended already."""
        try:
            return self.machine_table.store_end_token(instance_id, token)
        except LookupError:  # it was launched but never dispatched to
            attempt = record.attempt if record else 0
            self.machine_table.add(MachineAssignment(instance_id, run.owner, run.job_id, attempt))
            return self.machine_table.store_end_token(instance_id, token)
