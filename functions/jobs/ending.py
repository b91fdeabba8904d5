"""The steps at the end: Record writes the outcome, Terminate makes sure that no machine of the job is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.jobs.advice import job_error
from functions.jobs.clock import now
from functions.jobs.errors import JobNotFound, MachineStillAlive
from functions.jobs.job import Job, JobStatus, TimelineEvent
from functions.jobs.paths import output_key
from functions.jobs.ports import JobFiles, JobTable, Machines
from functions.jobs.running import Outcome

# Names of workflow errors (exception classes in errors.py, or workflow.asl.json's own) -> failure class.
_CODES = {
    "CapacityUnavailable": "capacity_unavailable",
    "QuotaExceeded": "quota_exceeded",
    "Throttled": "throttled",
    "LaunchRefused": "launch_refused",
    "AgentNotOnline": "boot_timeout",
    "MachineLost": "machine_lost",
    "UploadExpired": "output_not_stored",
}


@dataclass(frozen=True)
class Recording:
    jobs: JobTable
    files: JobFiles

    def finished(self, owner: str, job_id: str, attempt: int, outcome: Outcome) -> Job:
        """Writes what Inspect found; success only if the attempt's output is really there."""
        job = self.jobs.update(owner, job_id, lambda job: job if job.status.is_terminal else job.noted(*outcome.events))
        if job.status.is_terminal:
            return job
        if outcome.code is not None:
            return self._failed(owner, job_id, outcome.code, outcome.message)
        path = self.files.output_path(output_key(owner, job_id, attempt, job.filename))
        size = self.files.output_size(path)
        if size is None:
            return self._failed(
                owner, job_id, "output_not_stored", "The machine reported success, but no result is stored."
            )
        event = TimelineEvent("succeeded", now(), f"The result has {size:,} bytes.")

        def change(job: Job) -> Job:
            if job.status.is_terminal:
                return job
            return replace(job.moved(JobStatus.SUCCEEDED, event), output_file_path=path, output_size=size)

        return self.jobs.update(owner, job_id, change)

    def broken(self, owner: str, job_id: str, error: str, cause: str) -> Job:
        """Writes a workflow error (its name and Step Functions' cause text) as the job's failure."""
        return self._failed(owner, job_id, _CODES.get(error, "internal_error"), readable_cause(error, cause))

    def _failed(self, owner: str, job_id: str, code: str, message: str) -> Job:
        error = job_error(code, message)
        event = TimelineEvent("failed", now(), error.message.partition("\n")[0])

        def change(job: Job) -> Job:
            if job.status.is_terminal:
                return job
            return replace(job.moved(JobStatus.FAILED, event), error=error)

        return self.jobs.update(owner, job_id, change)


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
    machines: Machines

    def terminate(self, owner: str, job_id: str, instance_id: str | None) -> list[str]:
        """Terminates every machine of the job and sees that they are gone; returns the ids it dealt with.

        The tag finds machines whose launch was not recorded; the given id finds one that the tag filter does not show
        yet (RunInstances is eventually consistent).

        Raises:
            MachineStillAlive: termination is not confirmed yet; the workflow asks again.
        """
        states = dict(self.machines.states_of_job(job_id))
        if instance_id:
            states.setdefault(instance_id, "unknown")
        alive = [one for one, state in states.items() if state != "terminated"]
        waiting = [one for one in alive if self.machines.terminate(one) != "terminated"]
        if waiting:
            raise MachineStillAlive(f"{', '.join(waiting)} not confirmed terminated yet")
        self._note(owner, job_id, sorted(states))
        return sorted(states)

    def _note(self, owner: str, job_id: str, ids: list[str]) -> None:
        events = [TimelineEvent("machine_terminated", now(), f"{one} is confirmed terminated.") for one in ids]
        try:
            self.jobs.update(owner, job_id, lambda job: job.noted(*events))
        except JobNotFound:
            return  # deleted meanwhile: the machines are gone all the same, and nobody is left to tell
