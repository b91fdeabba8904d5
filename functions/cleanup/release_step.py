"""The Release step: confirms that the machines of a run are gone, and frees its slot."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from functions.cleanup.run_machines import RunMachines, ensure_terminated
from functions.execution.ports import MachineTable
from functions.jobs.clock import now
from functions.jobs.errors import JobNotFound, JobUnreadable, MachineStillAlive, RecordRefused
from functions.jobs.job import Job, JobStatus, MachineReceipt, Run, TimelineEvent

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
        receipts, job = self._note(run, records, known)
        self.ends.queue.release_slot(run, receipts)
        return Released(run, list(records), job)

    def _is_confirmed(self, instance_id: str, record: MachineReceipt | None) -> bool:
        if record is not None and record.terminated_at is not None:
            return True
        launched_at = record.launched_at if record else None
        return self.machine_table.has_ended(instance_id) or ensure_terminated(
            self.ends.machines, instance_id, launched_at
        )

    def _note(
        self, run: Run, records: Mapping[str, MachineReceipt | None], known: Job | None
    ) -> tuple[Mapping[str, MachineReceipt | None], Job | None]:
        """The receipts with their ends, written into the job's record first: those decide what is charged."""
        job = None
        moment = now()
        ended = {one: record and record.ended(moment, VERIFIED_BY_WORKFLOW) for one, record in records.items()}
        events = [TimelineEvent("machine_terminated", moment, f"{one} is confirmed terminated.") for one in records]

        def change(job: Job) -> Job:
            for record in filter(None, ended.values()):
                job = job.with_machine(_first_end(job, record))
            return job.noted(*events)

        # A record that is deleted, or can never be written, does not keep the slot: the machines are gone.
        with suppress(JobNotFound, JobUnreadable, RecordRefused):
            job = self.ends.jobs.update(run.owner, run.job_id, change, known)
            ended |= {machine.instance_id: machine for machine in job.machines if machine.instance_id in ended}
        return ended, job


def _first_end(job: Job, ended: MachineReceipt) -> MachineReceipt:
    """The machine's receipt with its end; an end that the job has already is kept."""
    known = job.machine(ended.instance_id) or ended
    return known.ended(ended.terminated_at or now(), VERIFIED_BY_WORKFLOW)
