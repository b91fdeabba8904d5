"""Commands that change nothing."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from mayfly.batch import check_batch_id
from mayfly.commands.options import AsJson, Batch, JobId, Timeout, Url
from mayfly.commands.outcome import end, until_ended
from mayfly.context import Context
from mayfly.display import emit, emit_line, moment, note, show_job, show_jobs, show_line
from mayfly.job_id import resolve_job_id
from mayfly.job_list import PAGE, Filter, all_jobs
from mayfly.log import lines
from mayfly.text import last_state, plain


class Status(StrEnum):
    """A job's, as the API names it."""

    QUEUED = "queued"
    LAUNCHING = "launching"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many, the newest first.")]
_All = Annotated[bool, typer.Option("--all", help="All there are.")]
_NAMES = ", ".join(Status)
_Statuses = Annotated[
    list[Status] | None,
    typer.Option("--status", metavar="STATUS", help=f"Only jobs of this status, one of {_NAMES}; may be repeated."),
]
_Name = Annotated[
    str | None, typer.Option("--name", metavar="PATTERN", help="Only jobs whose file name matches, such as 'a*.txt'.")
]
_Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")]


def jobs(
    context: typer.Context,
    limit: _Limit = 20,
    everything: _All = False,
    status: _Statuses = None,
    name: _Name = None,
    batch: Batch = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List your jobs, newest first. JSON: {"jobs": [...]}."""
    check_batch_id(batch)
    wanted = Filter(frozenset(each.value for each in status or ()), name)
    most = None if everything else limit
    with Context.of(context).client(url) as client:
        page = limit if wanted == Filter() and not everything else PAGE
        found = list(islice(filter(wanted.takes, all_jobs(client, batch, min(PAGE, page))), most))
    if as_json:
        emit({"jobs": found})
    elif found:
        show_jobs(found)
    elif batch or wanted != Filter():
        note("No job of yours matches.")
    else:
        note("No jobs yet. Submit one: mayfly submit FILE --text ...")


def show(context: typer.Context, job_id: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Show a job: its status, timeline, machines, and why it failed. JSON: the job."""
    with Context.of(context).client(url) as client:
        job = client.get(resolve_job_id(client, job_id))
    if as_json:
        emit(job)
    else:
        show_job(job)


def log(
    context: typer.Context, job_id: JobId, follow: _Follow = False, url: Url = None, as_json: AsJson = False
) -> None:
    """Print what a job's script printed. JSON: a line each, {"at", "stream", "text"}."""
    with Context.of(context).client(url) as client:
        for line in lines(client, resolve_job_id(client, job_id), follow=follow):
            if as_json:
                emit_line(line)
            else:
                typer.echo(f"{moment(line['at'])}  {plain(last_state(line['text']))}")


def wait(
    context: typer.Context, job_id: JobId, timeout: Timeout = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Wait until a job has ended; the exit code says how. JSON: the job."""
    with Context.of(context).client(url) as client:
        job = until_ended(client, resolve_job_id(client, job_id), timeout)
    if as_json:
        emit(job)
    else:
        show_line(job)
    end([job])
