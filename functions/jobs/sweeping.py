"""The sweeper: the last resort for jobs without a workflow and machines without a job.

It never touches a machine whose job's workflow is running, as long as the machine is inside its deadline.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from functions.jobs.advice import job_error
from functions.jobs.clock import now
from functions.jobs.errors import JobNotFound
from functions.jobs.ids import is_job_id
from functions.jobs.job import Job, JobStatus, TimelineEvent
from functions.jobs.ports import JobTable, Machines, Workflow

_RUNNING = "RUNNING"


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
    machines: Machines
    workflow: Workflow
    stack: str
    grace: timedelta
    machine_deadline: timedelta

    def sweep(self) -> SweepReport:
        report, moment = SweepReport(), datetime.now(UTC)
        workflow_state = cache(self.workflow.state)  # a running job is asked for twice: for itself and for its machine

        def has_workflow(job_id: str) -> bool:
            return is_job_id(job_id) and workflow_state(job_id) == _RUNNING

        for job in self.jobs.open_jobs():
            if moment - datetime.fromisoformat(job.updated_at) >= self.grace:
                self._mend(job, workflow_state(job.id), report)
        for machine in self.machines.alive_of_stack(self.stack):
            age = moment - machine.launched_at
            if age >= self.grace and (age >= self.machine_deadline or not has_workflow(machine.job_id)):
                self._end_machine(machine.instance_id, machine.owner, machine.job_id, report)
        return report

    def workflow_ended(self, owner: str, job_id: str, state: str) -> SweepReport:
        """Sees to one job whose workflow ended as `state` (FAILED, TIMED_OUT, ABORTED), without waiting for a sweep."""
        report = SweepReport()
        if self._end_job(owner, job_id, state):
            report.ended.append(job_id)
        for instance_id, instance_state in self.machines.states_of_job(job_id).items():
            if instance_state not in {"shutting-down", "terminated"}:
                self._end_machine(instance_id, owner, job_id, report)
        return report

    def _mend(self, job: Job, state: str | None, report: SweepReport) -> None:
        if state == _RUNNING:
            return
        if state is None and job.status is JobStatus.QUEUED:
            self.workflow.start(job.owner, job.id)
            report.started.append(job.id)
        elif self._end_job(job.owner, job.id, state or "unknown"):
            report.ended.append(job.id)

    def _end_job(self, owner: str, job_id: str, state: str) -> bool:
        """Whether the job was still open."""
        ended = False

        def change(job: Job) -> Job:
            nonlocal ended
            ended = not job.status.is_terminal
            if not ended:
                return job
            error = job_error("internal_error", f"The job's workflow ended as {state} without an outcome.")
            return replace(job.moved(JobStatus.FAILED, TimelineEvent("failed", now(), error.message)), error=error)

        with suppress(JobNotFound):
            self.jobs.update(owner, job_id, change)
        return ended

    def _end_machine(self, instance_id: str, owner: str, job_id: str, report: SweepReport) -> None:
        self.machines.terminate(instance_id)
        report.terminated.append(instance_id)
        if not is_job_id(job_id):
            return  # tagged as ours by somebody else; there is no job to tell
        event = TimelineEvent("machine_swept", now(), f"{instance_id} was still there; the sweeper ended it.")
        with suppress(JobNotFound):  # deleted meanwhile; the machine is ended all the same
            self.jobs.update(owner, job_id, lambda job: job.noted(event))
