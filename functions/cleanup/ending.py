"""The steps at the end: Record writes the outcome, Terminate and Release see that no machine of the run is left."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.machine_command import sha256_hex
from functions.execution.ports import MachineAssignment, Machines, MachineTable
from functions.execution.running import Outcome
from functions.jobs import clock, errors
from functions.jobs.clock import now
from functions.jobs.errors import JobNotFound, JobUnreadable, MachineStillAlive, RecordRefused, StepError
from functions.jobs.failure_catalog import job_error
from functions.jobs.job import Job, JobStatus, MachineReceipt, Run, StoredManifest, TimelineEvent
from functions.jobs.ports import JobFiles, JobTable
from functions.jobs.provenance import manifest_of
from functions.jobs.run_guard import is_over
from functions.jobs.s3_keys import manifest_key, output_key
from functions.scheduling.launch_queue import LaunchQueue

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

# Errors whose words are ours: those of the steps, and workflow.asl.json's.
_OWN = {
    *_CODES,
    *(name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, StepError)),
}
# How botocore begins (botocore, exceptions.py, `ClientError.MSG_TEMPLATE`).
_AWS_ERROR = re.compile(r"An error occurred \(([A-Za-z0-9.]{1,100})\) when calling the ([A-Za-z0-9]{1,100}) operation")
_log = logging.getLogger("mayfly")

VERIFIED_BY_WORKFLOW = "EC2 told the workflow that the instance is terminated"
# EC2 goes on showing a terminated instance for about an hour.
_FORGOTTEN_AFTER = timedelta(minutes=30)


@dataclass(frozen=True)
class RecordStep:
    jobs: JobTable
    files: JobFiles
    mayfly_version: str

    def finished(self, run: Run, attempt: int, outcome: Outcome) -> Job:
        """Writes what Inspect found; success only if the attempt's output is really there, and its manifest, too."""
        job = self._unless_over(run, lambda job: job.noted(*outcome.events))
        if is_over(job, run):
            return job
        if outcome.code is not None:
            return self._failed(run, outcome.code, outcome.message)
        path = self.files.output_path(output_key(run.owner, run.job_id, attempt, job.output_filename))
        stored = self.files.find_output(path)
        if stored is None:
            return self._failed(run, "output_not_stored", "The machine reported success, but no result is stored.")
        facts = manifest_of(job, attempt, stored, outcome.reported, outcome.events, self.mayfly_version).encode()
        manifest = StoredManifest(
            self.files.put_manifest(manifest_key(run.owner, run.job_id, attempt), facts), sha256_hex(facts)
        )
        event = TimelineEvent("succeeded", now(), f"The result has {stored.size:,} bytes.")

        def change(job: Job) -> Job:
            job = job.moved(JobStatus.SUCCEEDED, event)
            return replace(job, output_file_path=path, output_size=stored.size, manifest=manifest)

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
    """What a job's owner reads of a workflow error.

    Of a step's own error the message: it is ours, inside the cause that Lambda gives Step Functions (JSON with
    `errorMessage`), or plain text. Of any other the class, and the code and call of one from AWS: AWS's text names
    roles, accounts and resources. That goes into the log.
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


@dataclass(frozen=True)
class RunMachines:
    """A run's machines at its end.

    Which those are is told by the job's record, by the slot (for one whose launch did not get into the record) and by
    the workflow.
    """

    jobs: JobTable
    queue: LaunchQueue
    machines: Machines

    def records(self, run: Run, instance_id: str | None) -> dict[str, MachineReceipt | None]:
        """What is known of each, by its id; the run has left the queue then."""
        self.queue.table.remove(run)
        slot = self.queue.table.slot(run)
        try:
            job = self.jobs.get(run.owner, run.job_id)
        except JobUnreadable:
            job = None  # the slot and the workflow know the machine, too
        found: dict[str, MachineReceipt | None] = {instance_id: None} if instance_id else {}
        if slot is not None:
            found[slot.machine.instance_id] = slot.machine
        if job is not None:
            found |= {machine.instance_id: machine for machine in job.machines if machine.run == run.number}
        return dict(sorted(found.items()))


@dataclass(frozen=True)
class TerminateStep:
    ends: RunMachines
    machine_table: MachineTable
    batcher: TerminationBatcher

    def terminate(self, run: Run, instance_id: str | None, token: str) -> None:
        """Terminates every machine of the run; its workflow hears through `token` when the first of them has ended.

        Raises:
            Throttled
        """
        records = self.ends.records(run, instance_id)
        # Parked before EC2 is asked: an end that comes right after finds the token.
        alive = [
            one
            for one, record in records.items()
            if (record is None or record.terminated_at is None) and not self._store_token(run, one, record, token)
        ]
        states = self.batcher.end(alive) if alive else {}
        # Of a machine that EC2 does not know, no longer or not yet, it may report no end: Release finds out.
        if all(states.get(one, "unknown") in {"terminated", "unknown"} for one in alive):
            self.ends.queue.workflow.wake(token)

    def _store_token(self, run: Run, instance_id: str, record: MachineReceipt | None, token: str) -> bool:
        """Whether the machine has ended."""
        try:
            return self.machine_table.store_end_token(instance_id, token)
        except LookupError:  # it was launched, and its run did not get to dispatching
            attempt = record.attempt if record else 0
            self.machine_table.add(MachineAssignment(instance_id, run.owner, run.job_id, attempt))
            return self.machine_table.store_end_token(instance_id, token)


@dataclass(frozen=True)
class ReleaseStep:
    ends: RunMachines
    machine_table: MachineTable

    def release(self, run: Run, instance_id: str | None) -> list[str]:
        """Sees that every machine of the run is gone, and frees its slot; the ids it dealt with.

        Raises:
            MachineStillAlive: termination is not confirmed yet; the workflow asks again.
            Throttled
        """
        records = self.ends.records(run, instance_id)
        alive = [one for one, record in records.items() if not self._is_confirmed(one, record)]
        if alive:
            raise MachineStillAlive(f"{', '.join(alive)} not confirmed terminated yet")
        self.ends.queue.release_slot(run, self._note(run, records))
        return list(records)

    def _is_confirmed(self, instance_id: str, record: MachineReceipt | None) -> bool:
        if record is not None and record.terminated_at is not None:
            return True
        launched_at = record.launched_at if record else None
        return self.machine_table.has_ended(instance_id) or is_gone(self.ends.machines, instance_id, launched_at)

    def _note(self, run: Run, records: Mapping[str, MachineReceipt | None]) -> Mapping[str, MachineReceipt | None]:
        """The records with their ends, written into the job's record first: its receipt decides what is charged."""
        moment = now()
        ended = {one: record and record.ended(moment, VERIFIED_BY_WORKFLOW) for one, record in records.items()}
        events = [TimelineEvent("machine_terminated", moment, f"{one} is confirmed terminated.") for one in records]

        def change(job: Job) -> Job:
            for record in filter(None, ended.values()):
                job = job.with_machine(_first_end(job, record))
            return job.noted(*events)

        # A record that is deleted, or that no later try could write either, keeps no slot: the machines are gone.
        with suppress(JobNotFound, JobUnreadable, RecordRefused):
            job = self.ends.jobs.update(run.owner, run.job_id, change)
            ended |= {machine.instance_id: machine for machine in job.machines if machine.instance_id in ended}
        return ended


def _first_end(job: Job, ended: MachineReceipt) -> MachineReceipt:
    """The machine's record with its end; an end that the job has already stays."""
    known = job.machine(ended.instance_id) or ended
    return known.ended(ended.terminated_at or now(), VERIFIED_BY_WORKFLOW)


def is_gone(machines: Machines, instance_id: str, launched_at: str | None) -> bool:
    """Whether EC2 has terminated an instance; asks it to, where it has not begun."""
    state = machines.instance_state(instance_id)
    if state is None:
        # Not known yet, right after the launch; or not any more, an hour or so after the end.
        age = clock.age(launched_at) if launched_at else _FORGOTTEN_AFTER
        return age >= _FORGOTTEN_AFTER
    if state not in {"shutting-down", "terminated"}:
        state = machines.terminate(instance_id) or state
    return state == "terminated"
