"""The steps at the end: Record writes the outcome, Terminate makes sure that no machine of the job is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from functions.jobs import clock
from functions.jobs.advice import job_error
from functions.jobs.clock import now
from functions.jobs.errors import JobNotFound, MachineStillAlive
from functions.jobs.job import Job, JobStatus, MachineRecord, Run, TimelineEvent
from functions.jobs.line import Line
from functions.jobs.open_run import is_over
from functions.jobs.paths import output_key
from functions.jobs.ports import JobFiles, JobTable, Machines
from functions.jobs.running import Outcome

# Names of workflow errors (exception classes in errors.py, or workflow.asl.json's own) -> failure class.
_CODES = {
    "QueueTimeout": "queue_timeout",
    "Throttled": "throttled",
    "LaunchRefused": "launch_refused",
    "AgentNotOnline": "boot_timeout",
    "MachineLost": "machine_lost",
    "UploadExpired": "output_not_stored",
}


VERIFIED_BY_WORKFLOW = "EC2 answered the workflow that the instance is terminated"
# EC2 goes on showing a terminated instance for about an hour.
_FORGOTTEN_AFTER = timedelta(minutes=30)


@dataclass(frozen=True)
class Recording:
    jobs: JobTable
    files: JobFiles

    def finished(self, run: Run, attempt: int, outcome: Outcome) -> Job:
        """Writes what Inspect found; success only if the attempt's output is really there."""
        job = self._unless_over(run, lambda job: job.noted(*outcome.events))
        if is_over(job, run):
            return job
        if outcome.code is not None:
            return self._failed(run, outcome.code, outcome.message)
        path = self.files.output_path(output_key(run.owner, run.job_id, attempt, job.filename))
        size = self.files.output_size(path)
        if size is None:
            return self._failed(run, "output_not_stored", "The machine reported success, but no result is stored.")
        event = TimelineEvent("succeeded", now(), f"The result has {size:,} bytes.")

        def change(job: Job) -> Job:
            return replace(job.moved(JobStatus.SUCCEEDED, event), output_file_path=path, output_size=size)

        return self._unless_over(run, change)

    def broken(self, run: Run, error: str, cause: str) -> Job:
        """Writes a workflow error (its name and Step Functions' cause text) as the job's failure."""
        return self._failed(run, _CODES.get(error, "internal_error"), readable_cause(error, cause))

    def _failed(self, run: Run, code: str, message: str) -> Job:
        error = job_error(code, message)
        event = TimelineEvent("failed", now(), error.message.partition("\n")[0])
        return self._unless_over(run, lambda job: replace(job.moved(JobStatus.FAILED, event), error=error))

    def _unless_over(self, run: Run, change: Callable[[Job], Job]) -> Job:
        """The job, changed if its run is not over: an end that is written stays."""
        return self.jobs.update(run.owner, run.job_id, lambda job: job if is_over(job, run) else change(job))


def readable_cause(error: str, cause: str) -> str:
    """The message inside the cause that Lambda gives Step Functions: JSON with `errorMessage`, or plain text."""
    try:
        details: Any = json.loads(cause)
    except ValueError:
        details = None
    if isinstance(details, Mapping) and details.get("errorMessage"):
        return f"{error}: {details['errorMessage']}"
    return f"{error}: {cause}" if cause else error


@dataclass(frozen=True)
class Terminating:
    jobs: JobTable
    line: Line
    machines: Machines

    def terminate(self, run: Run, instance_id: str | None) -> list[str]:
        """Terminates every machine of the run, sees that they are gone and frees its slot; the ids it dealt with.

        Which machines those are is told by the job's record, by the slot (for one whose launch did not get into the
        record) and by the caller.

        Raises:
            MachineStillAlive: termination is not confirmed yet; the workflow asks again.
        """
        self.line.table.leave(run)
        slot = self.line.table.slot(run)
        job = self.jobs.get(run.owner, run.job_id)
        records = {machine.instance_id: machine for machine in job.machines if machine.run == run.number} if job else {}
        if slot is not None:
            records.setdefault(slot.machine.instance_id, slot.machine)
        ids = sorted(records | ({instance_id: None} if instance_id else {}))
        alive = [one for one in ids if not self._is_confirmed(one, records.get(one))]
        if alive:
            raise MachineStillAlive(f"{', '.join(alive)} not confirmed terminated yet")
        self._note(run, ids, records)
        self.line.give_back(run, ids)
        return ids

    def _is_confirmed(self, instance_id: str, record: MachineRecord | None) -> bool:
        if record is None:
            return is_gone(self.machines, instance_id, None)
        return record.terminated_at is not None or is_gone(self.machines, instance_id, record.launched_at)

    def _note(self, run: Run, ids: Sequence[str], records: Mapping[str, MachineRecord]) -> None:
        moment = now()
        events = [TimelineEvent("machine_terminated", moment, f"{one} is confirmed terminated.") for one in ids]

        def change(job: Job) -> Job:
            for record in records.values():
                job = job.with_machine(record.ended(moment, VERIFIED_BY_WORKFLOW))
            return job.noted(*events)

        # Deleted meanwhile: the machines are gone all the same, and nobody is left to tell.
        with suppress(JobNotFound):
            self.jobs.update(run.owner, run.job_id, change)


def is_gone(machines: Machines, instance_id: str, launched_at: str | None) -> bool:
    """Whether EC2 has terminated an instance; asks it to, where it has not begun."""
    state = machines.instance_state(instance_id)
    if state is None:
        # Not known yet, right after the launch; or not any more, an hour or so after the end.
        age = clock.utc_now() - datetime.fromisoformat(launched_at) if launched_at else _FORGOTTEN_AFTER
        return age >= _FORGOTTEN_AFTER
    if state not in {"shutting-down", "terminated"}:
        state = machines.terminate(instance_id) or state
    return state == "terminated"
