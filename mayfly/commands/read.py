"""Commands that change nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from mayfly.client import Job, JobClient
from mayfly.commands.options import AsJson, Force, JobId, Output, Timeout, Url
from mayfly.commands.outcome import STREAM, end, save, until_ended
from mayfly.context import Context
from mayfly.display import emit, emit_line, moment, note, plain, say, show_job, show_jobs
from mayfly.download import target_of
from mayfly.errors import UsageProblem
from mayfly.job_id import resolve_job_id
from mayfly.log import last_state, lines
from mayfly.streams import check_stdout

_PAGE = 50  # the API's most
_Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many, the newest first.")]
_All = Annotated[bool, typer.Option("--all", help="All there are.")]
_Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")]


def jobs(
    context: typer.Context, limit: _Limit = 20, everything: _All = False, url: Url = None, as_json: AsJson = False
) -> None:
    """List your jobs, newest first. JSON: {"jobs": [...]}."""
    with Context.of(context).client(url) as client:
        found = _newest(client, None if everything else limit)
    if as_json:
        emit({"jobs": found})
    elif found:
        show_jobs(found)
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


def download(
    context: typer.Context,
    job_id: JobId,
    output: Output = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Save a job's result, in this folder under the file's own name unless told otherwise. JSON: {"id", "saved_as"}."""
    if output == STREAM and as_json:
        raise UsageProblem("Standard output takes the result, or JSON: leave out one of the two.")
    if output == STREAM:
        check_stdout()
    with Context.of(context).client(url) as client:
        job = client.get(resolve_job_id(client, job_id))
        if job["status"] != "succeeded":
            raise UsageProblem(f"There is no result: the job is {job['status']}. Look: mayfly show {job['id']}")
        name = str(job.get("output_filename") or job["filename"])  # a stack of an earlier version has but the one
        target = None if output == STREAM else target_of(name, output, force=force)
        save(client, job, target, force=force)
    if as_json:
        emit({"id": job["id"], "saved_as": str(target)})
    elif target is not None:
        say(f"Saved as {target}")


def wait(
    context: typer.Context, job_id: JobId, timeout: Timeout = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Wait until a job has ended; the exit code says how. JSON: the job."""
    with Context.of(context).client(url) as client:
        job = until_ended(client, resolve_job_id(client, job_id), timeout)
    if as_json:
        emit(job)
    else:
        say(f"{job['id']}  {job['status']:9}  {job['filename']}")
    end([job])


def _newest(client: JobClient, limit: int | None) -> list[Job]:
    found: list[Job] = []
    cursor = None
    while limit is None or len(found) < limit:
        page = client.page(_PAGE if limit is None else min(_PAGE, limit - len(found)), cursor)
        found += page["jobs"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found
