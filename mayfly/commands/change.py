"""Commands that change a job."""

from __future__ import annotations

from typing import Annotated

import typer

from mayfly.batch import check_batch_id
from mayfly.client import JobClient
from mayfly.commands.options import AsJson, Batch, JobId, MaybeJobId, Url
from mayfly.context import Context
from mayfly.display import counted, emit, note, say, show_line
from mayfly.errors import UsageProblem
from mayfly.failures import Failures
from mayfly.job import Job
from mayfly.job_id import resolve_job_id
from mayfly.job_list import jobs_of_batch

_Failed = Annotated[bool, typer.Option("--failed", help="Every failed job of the --batch.")]


def cancel(context: typer.Context, job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """End a job that has not ended; its machine is terminated. JSON: the job."""
    with Context.of(context).client(url) as client:
        _tell(client.cancel(resolve_job_id(client, job_id)), as_json)


def retry(
    context: typer.Context,
    job_id: MaybeJobId = None,
    failed: _Failed = False,
    batch: Batch = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Start a failed or cancelled job again, on a new machine.

    With --failed, every failed job of a batch. JSON: the job; of a batch, {"batch", "jobs": [...]} with those that were
    started.
    """
    check_batch_id(batch)
    if (job_id is None) == (batch is None):
        raise UsageProblem("Which job? Give either its ID, or --failed --batch ID.")
    if failed != (batch is not None):
        raise UsageProblem("--failed and --batch go together: the failed jobs of a batch are started again.")
    here = Context.of(context)
    with here.client(url) as client:
        if batch is not None:
            _retry_failed(client, batch, here, as_json)
        elif job_id is not None:
            _tell(client.retry(resolve_job_id(client, job_id)), as_json)


def _retry_failed(client: JobClient, batch: str, here: Context, as_json: bool) -> None:
    jobs = [job for job in jobs_of_batch(client, batch) if job["status"] == "failed"]
    failures = Failures(len(jobs), here.redact)
    started: list[Job] = []
    try:
        for job in reversed(jobs):  # in the order in which they were submitted
            with failures.of(job):
                started.append(client.retry(job["id"]))
    finally:
        if as_json:
            emit({"batch": batch, "jobs": started})
        else:
            for job in started:
                show_line(job)
    if not jobs:
        note("No job of the batch has failed.")
    elif started:
        note(f"Watch them: mayfly watch --batch {batch}")
    failures.check()


def delete(context: typer.Context, job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Remove a job that has ended: its files, its log, its record. JSON: {"id", "deleted": true} and the receipt."""
    with Context.of(context).client(url) as client:
        found = resolve_job_id(client, job_id)
        receipt = client.delete(found)
    if as_json:
        emit({**receipt, "id": found, "deleted": True})
    else:
        say(f"{found}  deleted: {counted(receipt['objects'], 'file')}, {counted(receipt['log_streams'], 'log')}")


def _tell(job: Job, as_json: bool) -> None:
    if as_json:
        emit(job)
    else:
        show_line(job)
