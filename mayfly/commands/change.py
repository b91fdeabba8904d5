"""Commands that change a job."""

from __future__ import annotations

import typer

from mayfly.client import Job
from mayfly.commands.options import AsJson, JobId, Url
from mayfly.context import Context
from mayfly.display import emit, say
from mayfly.job_id import resolve_job_id


def cancel(context: typer.Context, job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """End a job that has not ended; its machine is terminated. JSON: the job."""
    with Context.of(context).client(url) as client:
        _tell(client.cancel(resolve_job_id(client, job_id)), as_json)


def retry(context: typer.Context, job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Start a failed or cancelled job again, on a new machine. JSON: the job."""
    with Context.of(context).client(url) as client:
        _tell(client.retry(resolve_job_id(client, job_id)), as_json)


def delete(context: typer.Context, job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Remove a job that has ended: its files, its log, its record. JSON: {"id", "deleted": true} and the receipt."""
    with Context.of(context).client(url) as client:
        found = resolve_job_id(client, job_id)
        receipt = client.delete(found)
    if as_json:
        emit({**receipt, "id": found, "deleted": True})
    else:
        say(f"{found}  deleted: {receipt['objects']} files, {receipt['log_streams']} logs")


def _tell(job: Job, as_json: bool) -> None:
    if as_json:
        emit(job)
    else:
        say(f"{job['id']}  {job['status']:9}  {job['filename']}")
