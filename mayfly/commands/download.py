from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from mayfly.batch import check_batch_id
from mayfly.client import JobClient
from mayfly.commands.options import AsJson, Batch, Force, MaybeJobId, Output, Url
from mayfly.commands.outcome import STREAM, save
from mayfly.context import Context
from mayfly.display import emit, say
from mayfly.download import target_of
from mayfly.errors import UsageProblem
from mayfly.failures import Failures
from mayfly.job import Job, state
from mayfly.job_id import resolve_job_id
from mayfly.job_list import jobs_of_batch
from mayfly.streams import check_stdout


def download(
    context: typer.Context,
    job_id: MaybeJobId = None,
    batch: Batch = None,
    output: Output = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Save a job's result, or all those of a batch.

    It goes to this folder under the file's own name, or where --output says. Of a batch, one that cannot be saved is
    named, and the others are saved. JSON: {"id", "saved_as"}; of a batch,
    {"batch", "results": [{"id", "saved_as"}]}.
    """
    check_batch_id(batch)
    if (job_id is None) == (batch is None):
        raise UsageProblem("Which result? Give either a job's ID, or --batch ID.")
    here = Context.of(context)
    if batch is not None:
        _check_folder(output)
        with here.client(url) as client:
            _save_batch(client, batch, output, here, force=force, as_json=as_json)
    elif job_id is not None:
        _check_stream(output, as_json=as_json)
        with here.client(url) as client:
            _save_one(client, resolve_job_id(client, job_id), output, force=force, as_json=as_json)


def _check_stream(output: str | None, *, as_json: bool) -> None:
    if output == STREAM and as_json:
        raise UsageProblem("Standard output takes either the result or JSON: leave out -o - or --json.")
    if output == STREAM:
        check_stdout()


def _check_folder(output: str | None) -> None:
    if output is not None and (output == STREAM or not _is_folder(output)):
        raise UsageProblem(
            f"-o names the folder for the results of a batch, and {output} is not a folder. Make it first."
        )


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # a name too long, a NUL
        return False


def _save_one(client: JobClient, job_id: str, output: str | None, *, force: bool, as_json: bool) -> None:
    job = client.get(job_id)
    _check_result(job)
    target = None if output == STREAM else target_of(_name(job), output, force=force)
    save(client, job, target, force=force)
    if as_json:
        emit({"id": job["id"], "saved_as": str(target)})
    elif target is not None:
        say(f"Saved as {target}")


def _save_batch(
    client: JobClient, batch: str, output: str | None, here: Context, *, force: bool, as_json: bool
) -> None:
    jobs = jobs_of_batch(client, batch)[::-1]  # in the order in which they were submitted
    failures = Failures(len(jobs), here.redact)
    shared = Counter(_folded(job) for job in jobs)
    results: list[dict[str, Any]] = []
    saved: list[Path] = []
    try:
        for job in jobs:
            results.append({"id": job["id"], "saved_as": None})
            with failures.of(job):
                _check_result(job)
                name = _name(job) if shared[_folded(job)] == 1 else f"{job['id']}-{_name(job)}"
                target = target_of(name, output, force=force)
                _check_other(job, target, saved)
                save(client, job, target, force=force)
                saved.append(target)
                results[-1]["saved_as"] = str(target)
                if not as_json:
                    say(f"Saved as {target}")
    finally:
        if as_json:
            emit({"batch": batch, "results": results})
    failures.check()


def _check_result(job: Job) -> None:
    if job["status"] != "succeeded":
        raise UsageProblem(f"There is no result: the job {state(job)}. See mayfly show {job['id']}")


def _check_other(job: Job, target: Path, saved: list[Path]) -> None:
    """A file system may take two names for the same, and --force would replace the one by the other."""
    if target.exists() and any(target.samefile(other) for other in saved):
        raise UsageProblem(
            f"{target} is the result of another job of the batch. Save this one elsewhere:"
            f" mayfly download {job['id']} -o FILE"
        )


def _name(job: Job) -> str:
    return Path(job["output_filename"]).name


def _folded(job: Job) -> str:
    """The same for names that macOS or Windows take for one."""
    return unicodedata.normalize("NFC", _name(job)).casefold()
