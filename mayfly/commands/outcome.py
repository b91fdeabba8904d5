"""What becomes of a job: waiting for it, and its result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mayfly.display import failure, note
from mayfly.errors import NotEnded
from mayfly.job import Job
from mayfly.progress import transfer, waiting

if TYPE_CHECKING:  # brings httpx2 along, which help does without
    from mayfly.client import JobClient

STREAM = "-"
JOB_FAILED = 1
# A job takes minutes rather than seconds, and one API answers every client.
LONGEST_PAUSE_SECONDS = 3.0


def until_ended(client: JobClient, job_id: str, timeout: float | None) -> Job:
    """The job once it has ended, in whatever way.

    Raises:
        NotEnded: it goes on after `timeout` seconds.
    """
    last = ""

    def show(job: Job) -> None:
        nonlocal last
        last = job["status"]
        update(f"{job['filename']}: {last}")

    try:
        with waiting(f"Job {job_id}") as update:
            return client.wait(job_id, timeout, longest_pause=LONGEST_PAUSE_SECONDS, on_read=show)
    except NotEnded as error:
        raise NotEnded(f"The time to wait is over, the job is {last}, and goes on. {_again(job_id)}") from error
    except KeyboardInterrupt:
        note(f"Interrupted. The job goes on. {_again(job_id)}")
        raise


def save(client: JobClient, job: Job, target: Path | None, *, force: bool) -> None:
    """Stores the result of a job that has succeeded, or writes it to standard output where there is no target."""
    from mayfly.download import download, fetch  # noqa: PLC0415 - as above

    if target is None:
        stdout = typer.get_binary_stream("stdout")
        fetch(client, job, stdout, lambda _: None)
        stdout.flush()
        return
    with transfer(target.name, job["output_size"]) as on_bytes:
        download(client, job, target, on_bytes, force=force)


def end(jobs: list[Job]) -> None:
    """Says why jobs failed, and ends the command with their exit code."""
    failed = [job for job in jobs if job["status"] != "succeeded"]
    for job in failed:
        reason, *printed = failure(job)
        for line in (f"{job['filename']}: {reason}", *printed):
            note(line)
    if failed:
        raise typer.Exit(JOB_FAILED)


def _again(job_id: str) -> str:
    return f"Wait for it: mayfly wait {job_id}"
