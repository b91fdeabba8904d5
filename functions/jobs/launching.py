"""The Launch step: one machine for one attempt, from the first candidate that EC2 has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from functions.jobs.clock import now
from functions.jobs.errors import (
    CapacityUnavailable,
    JobEnded,
    LaunchRefused,
    QuotaExceeded,
    StepError,
    Throttled,
)
from functions.jobs.job import Job, JobStatus, TimelineEvent
from functions.jobs.ports import Candidate, JobTable, LaunchedInstance, Machine, Machines, MachineTable, Refusal

_STEP_ERRORS: dict[str, type[StepError]] = {
    "capacity": CapacityUnavailable,
    "quota": QuotaExceeded,
    "throttled": Throttled,
    "permanent": LaunchRefused,
}


def candidates(markets: Sequence[str], instance_types: Sequence[str], subnet_ids: Sequence[str]) -> list[Candidate]:
    """Every combination, in the order of preference: market first, then type, then zone."""
    return [Candidate(kind, subnet, market) for market in markets for kind in instance_types for subnet in subnet_ids]


def unless_ended(change: Callable[[Job], Job]) -> Callable[[Job], Job]:
    """`change`, refusing a job that has ended (cancelled, say) while the workflow was busy with it.

    Raises:
        JobEnded
    """

    def guarded(job: Job) -> Job:
        if job.status.is_terminal:
            raise JobEnded(f"job {job.id} is {job.status}")
        return change(job)

    return guarded


def open_job(jobs: JobTable, owner: str, job_id: str) -> Job:
    """The job as it is, if it has not ended.

    Raises:
        JobEnded, JobNotFound
    """
    return jobs.update(owner, job_id, unless_ended(lambda job: job))


@dataclass(frozen=True)
class Launching:
    jobs: JobTable
    machine_table: MachineTable
    machines: Machines
    candidates: Sequence[Candidate]
    stack: str

    def launch(self, owner: str, job_id: str, attempt: int) -> LaunchedInstance:
        """Launches the attempt's machine, or finds the one that an earlier, interrupted call launched.

        Raises:
            JobEnded, LaunchRefused: final.
            CapacityUnavailable, QuotaExceeded, Throttled: every candidate was refused, for this last reason.
        """
        started = TimelineEvent("launching", now(), f"Attempt {attempt}: asking for a machine.")
        self.jobs.update(owner, job_id, unless_ended(lambda job: _attempt_started(job, attempt, started)))
        refusal = None
        for number, candidate in enumerate(self.candidates):
            # One token per candidate: a token used again with other parameters is an error, and one per attempt: a
            # token used again after its machine died would return the dead machine.
            token = f"{job_id}-{attempt}-{number}"
            answer = self.machines.launch(candidate, token, self._tags(owner, job_id, attempt))
            if isinstance(answer, LaunchedInstance):
                return self._launched(owner, job_id, attempt, candidate, answer)
            refusal = answer
            self._note_refusal(owner, job_id, candidate, refusal)
            if refusal.kind in {"permanent", "throttled"}:
                break
        if refusal is None:
            raise LaunchRefused("the stack has no instance types or no subnets")
        raise _STEP_ERRORS[refusal.kind](f"{refusal.code}: {refusal.message}")

    def _launched(
        self, owner: str, job_id: str, attempt: int, candidate: Candidate, instance: LaunchedInstance
    ) -> LaunchedInstance:
        self.machine_table.add(Machine(instance.instance_id, owner, job_id, attempt))
        detail = f"{instance.instance_id}: {candidate.instance_type}, {candidate.market}, in {instance.zone}."
        event = TimelineEvent("launched", now(), detail)
        self.jobs.update(
            owner,
            job_id,
            unless_ended(lambda job: replace(job.noted(event), instance_id=instance.instance_id, command_id=None)),
        )
        return instance

    def _note_refusal(self, owner: str, job_id: str, candidate: Candidate, refusal: Refusal) -> None:
        event = TimelineEvent("launch_refused", now(), f"{candidate}: {refusal.code}.")
        self.jobs.update(owner, job_id, unless_ended(lambda job: job.noted(event)))

    def _tags(self, owner: str, job_id: str, attempt: int) -> dict[str, str]:
        return {
            "Name": f"mayfly {self.stack} {job_id}",
            "mayfly:stack": self.stack,
            "mayfly:owner": owner,
            "mayfly:job-id": job_id,
            "mayfly:attempt": str(attempt),
        }


def _attempt_started(job: Job, attempt: int, event: TimelineEvent) -> Job:
    if job.attempts > attempt:
        raise JobEnded(f"job {job.id} is at attempt {job.attempts}; attempt {attempt} is over")
    if job.attempts == attempt:
        return job
    return replace(job.moved(JobStatus.LAUNCHING, event), attempts=attempt)
