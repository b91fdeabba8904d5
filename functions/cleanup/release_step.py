"""The Release step: confirms that the machines of a run are gone, and frees its slot."""

from __future__ import annotations

from dataclasses import dataclass

from functions.cleanup.run_machines import RunMachines, ensure_terminated, note_ends
from functions.execution.ports import MachineTable
from functions.jobs.errors import MachineStillAlive
from functions.jobs.job import Job, JobStatus, MachineReceipt, Run

VERIFIED_BY_WORKFLOW = "EC2 told the workflow that the instance is terminated"


@dataclass(frozen=True)
class Released:
    """`machines` are the ids of a run's machines, all gone; `job` is its record, None if there is none to be read."""

    run: Run
    machines: list[str]
    job: Job | None

    @property
    def status(self) -> str:
        """How the run has ended: the job's status, `retried` if a later run has begun, `unknown` without an outcome."""
        if self.job is None:
            return "unknown"
        if self.job.run != self.run.number:
            return "retried"
        return self.job.status.value if self.job.status.is_terminal else "unknown"

    def summary(self) -> dict[str, str]:
        """What a notification may say: neither the job's text nor what a script wrote. Empty where there is nothing."""
        failure = self.job.error if self.job and self.status == JobStatus.FAILED.value else None
        return {
            "status": self.status,
            "filename": self.job.filename if self.job else "",
            "error": failure.code if failure else "",
        }


@dataclass(frozen=True)
class ReleaseStep:
    ends: RunMachines
    machine_table: MachineTable

    def release(self, run: Run, instance_id: str | None, reported: str | None = None) -> Released:
        """Confirms that every machine of the run is gone, and frees its slot.

        `reported` is a machine whose end EC2 has reported to the workflow while that waited for it.

        Raises:
            MachineStillAlive: termination is not confirmed yet; the workflow asks again.
            Throttled
        """
        records, known = self.ends.dequeue_and_list(run, instance_id)
        alive = [one for one, record in records.items() if one != reported and not self._is_confirmed(one, record)]
        if alive:
            raise MachineStillAlive(f"{', '.join(alive)} not confirmed terminated yet")
        receipts, job = note_ends(self.ends.jobs, run, records, VERIFIED_BY_WORKFLOW, known)
        self.ends.queue.release_slot(run, receipts)
        return Released(run, list(records), job)

    def _is_confirmed(self, instance_id: str, record: MachineReceipt | None) -> bool:
        if record is not None and record.terminated_at is not None:
            return True
        launched_at = record.launched_at if record else None
        return self.machine_table.has_ended(instance_id) or ensure_terminated(
            self.ends.machines, instance_id, launched_at
        )
