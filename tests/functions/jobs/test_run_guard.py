from __future__ import annotations

from dataclasses import replace

import pytest

from functions.jobs.errors import JobEnded, JobNotFound
from functions.jobs.job import Job, JobStatus, Run
from functions.jobs.run_guard import is_over, open_job, require_active
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job

SECOND = Run("alice", JOB_ID, 2)
ENDED = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED]
OPEN = [JobStatus.QUEUED, JobStatus.LAUNCHING, JobStatus.RUNNING]


@pytest.mark.parametrize("status", OPEN)
def test_a_run_goes_on_while_its_job_has_not_ended(status: JobStatus) -> None:
    job = a_job(status=status)
    assert not is_over(job, RUN)
    assert open_job(MemoryJobTable(job), RUN) == job


@pytest.mark.parametrize("status", ENDED)
def test_a_run_is_over_when_its_job_has_ended(status: JobStatus) -> None:
    assert is_over(a_job(status=status), RUN)
    with pytest.raises(JobEnded, match=str(status)):
        open_job(MemoryJobTable(a_job(status=status)), RUN)


def test_a_run_is_over_when_another_one_followed() -> None:
    retried = a_job(status=JobStatus.CANCELLED).retried("2026-01-31T10:00:00.000Z")
    assert is_over(retried, RUN)
    assert not is_over(retried, SECOND)
    with pytest.raises(JobEnded, match="run 1"):
        open_job(MemoryJobTable(retried), RUN)


def test_a_run_of_a_job_that_is_gone_is_over() -> None:
    assert is_over(None, RUN)
    with pytest.raises(JobNotFound):
        open_job(MemoryJobTable(), RUN)


def test_a_change_is_made_while_the_run_goes_on_and_refused_afterwards() -> None:
    def change(job: Job) -> Job:
        return replace(job, input_text="changed")

    assert require_active(RUN, change)(a_job()).input_text == "changed"
    with pytest.raises(JobEnded):
        require_active(RUN, change)(a_job(run=2))
