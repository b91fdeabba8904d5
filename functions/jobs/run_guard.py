"""Changes that only make sense while a run of a job is not over."""

from __future__ import annotations

from collections.abc import Callable

from functions.jobs.errors import JobEnded, JobNotFound
from functions.jobs.job import Job, Run
from functions.jobs.ports import JobTable


def is_over(job: Job | None, run: Run) -> bool:
    """Whether the run has ended, was followed by another one, or its job is gone."""
    return job is None or job.status.is_terminal or job.run != run.number


def require_active(run: Run, change: Callable[[Job], Job]) -> Callable[[Job], Job]:
    """`change`, refusing a job whose run is over (cancelled, say) while its workflow was busy with it.

    Raises:
        JobEnded
    """

    def guarded(job: Job) -> Job:
        if is_over(job, run):
            raise JobEnded(f"run {run.number} of job {job.id} is over; the job is {job.status}")
        return change(job)

    return guarded


def open_job(jobs: JobTable, run: Run) -> Job:
    """The job as it is, if this run of it is not over.

    Raises:
        JobEnded, JobNotFound
    """
    return require_open(jobs.get(run.owner, run.job_id), run)


def require_open(job: Job | None, run: Run) -> Job:
    """The job that was read, if this run of it is not over.

    Raises:
        JobEnded, JobNotFound
    """
    if job is None:
        raise JobNotFound(f"There is no job {run.job_id}.", field="job_id")
    return require_active(run, lambda job: job)(job)
