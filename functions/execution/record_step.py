"""The Record step: writes the outcome of a run into its job."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from functions.execution.machine_command import sha256_hex
from functions.execution.outcome import Outcome
from functions.jobs import errors
from functions.jobs.clock import now
from functions.jobs.errors import StepError
from functions.jobs.failure_catalog import job_error
from functions.jobs.job import Job, JobStatus, Run, StoredManifest, TimelineEvent
from functions.jobs.ports import JobFiles, JobTable, StoredOutput
from functions.jobs.provenance import manifest_of
from functions.jobs.run_guard import is_over
from functions.jobs.s3_keys import manifest_key, output_key

# Names of workflow errors (exception classes in errors.py, or workflow.asl.json's own) -> failure class.
_CODES = {
    "QueueTimeout": "queue_timeout",
    "SpendingCapReached": "spending_cap",
    "JobCostCap": "job_cost_cap",
    "Throttled": "throttled",
    "LaunchRefused": "launch_refused",
    "AgentNotOnline": "boot_timeout",
    "MachineLost": "machine_lost",
    "UploadExpired": "output_not_stored",
    "TooManyLooks": "internal_error",
}
# Errors with messages of Mayfly: those of the steps, and of workflow.asl.json.
_OWN = {
    *_CODES,
    *(name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, StepError)),
}
# How botocore begins (botocore, exceptions.py, `ClientError.MSG_TEMPLATE`).
_AWS_ERROR = re.compile(r"An error occurred \(([A-Za-z0-9.]{1,100})\) when calling the ([A-Za-z0-9]{1,100}) operation")
_log = logging.getLogger("mayfly")


@dataclass(frozen=True)
class RecordStep:
    jobs: JobTable
    files: JobFiles
    mayfly_version: str

    def finished(self, run: Run, attempt: int, outcome: Outcome, known: Job | None = None) -> Job:
        """Writes the outcome of Inspect; success only if the attempt's output and its manifest are stored.

        `known` is the job where the caller has just read it.
        """
        job = known or self._update_active(run, lambda job: job)
        if is_over(job, run):
            return job
        if outcome.code is not None:
            return self._failed(run, outcome.code, outcome.message, outcome.events, job)
        path = self.files.output_path(output_key(run.owner, run.job_id, attempt, job.output_filename))
        try:
            stored = self.files.find_output(path)
            manifest = self._put_manifest(job, attempt, stored, outcome) if stored is not None else None
        except Exception:
            # Should S3 stay away, `broken` writes the failure: its owner still sees how far the script came.
            self._update_active(run, lambda job: job.noted(*outcome.events))
            raise
        if stored is None or manifest is None:
            words = "The machine reported success, but no result is stored."
            return self._failed(run, "output_not_stored", words, outcome.events, job)
        event = TimelineEvent("succeeded", now(), f"The result has {stored.size:,} bytes.")

        def change(job: Job) -> Job:
            job = job.noted(*outcome.events).moved(JobStatus.SUCCEEDED, event)
            return replace(job, output_file_path=path, output_size=stored.size, manifest=manifest)

        return self._update_active(run, change, job)

    def _put_manifest(self, job: Job, attempt: int, stored: StoredOutput, outcome: Outcome) -> StoredManifest:
        facts = manifest_of(job, attempt, stored, outcome.reported, outcome.events, self.mayfly_version).encode()
        path = self.files.put_manifest(manifest_key(job.owner, job.id, attempt), facts)
        return StoredManifest(path, sha256_hex(facts))

    def broken(self, run: Run, error: str, cause: str) -> Job:
        """Writes a workflow error (its name and Step Functions' cause text) as the job's failure."""
        return self._failed(run, _CODES.get(error, "internal_error"), readable_cause(error, cause))

    def _failed(
        self, run: Run, code: str, message: str, noted: Sequence[TimelineEvent] = (), known: Job | None = None
    ) -> Job:
        error = job_error(code, message)
        event = TimelineEvent("failed", now(), error.message.partition("\n")[0])

        def change(job: Job) -> Job:
            return replace(job.noted(*noted).moved(JobStatus.FAILED, event), error=error)

        return self._update_active(run, change, known)

    def _update_active(self, run: Run, change: Callable[[Job], Job], known: Job | None = None) -> Job:
        """The job, changed only if its run is not over."""
        return self.jobs.update(run.owner, run.job_id, lambda job: job if is_over(job, run) else change(job), known)


def readable_cause(error: str, cause: str) -> str:
    """The text of a workflow error that a job's owner may read.

    For a step's own error this is its message, inside the cause that Lambda gives Step Functions (JSON with
    `errorMessage`), or plain text. For any other error it is the class, and for one of AWS the code and the call: AWS's
    message names roles, accounts and resources, and is only logged.
    """
    try:
        details: Any = json.loads(cause)
    except ValueError:
        details = None
    message = str(details.get("errorMessage") or "") if isinstance(details, Mapping) else cause
    if error in _OWN:
        return f"{error}: {message}" if message else error
    _log.error("a step failed: %s", error, extra={"cause": cause})
    call = _AWS_ERROR.match(message)
    return f"{error}: {call[1]} from {call[2]}" if call else error
