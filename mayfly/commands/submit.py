from __future__ import annotations

import stat
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mayfly.batch import check_batch_id, new_batch_id
from mayfly.client import JobClient
from mayfly.commands.options import AsJson, Force, Output, Timeout, Url
from mayfly.commands.outcome import STREAM, end, save, until_ended
from mayfly.context import Context
from mayfly.cost import price_note
from mayfly.display import emit, note, show_line
from mayfly.display import size as readable
from mayfly.download import target_of
from mayfly.errors import UsageProblem
from mayfly.failures import Failures
from mayfly.job import TERMINAL, Job
from mayfly.progress import transfer
from mayfly.streams import binary_stdin, check_stdout
from mayfly.upload import upload_file

_Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="What to submit; each is a job of its own.")]
_Text = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="The text of the jobs.")]
_TextFile = Annotated[
    str | None,
    typer.Option("--text-file", metavar="PATH", help="A file with the text, in UTF-8; - for standard input."),
]
_InstanceType = Annotated[
    str | None,
    typer.Option("--instance-type", metavar="TYPE", help="The machine's type, one of those that the stack allows."),
]
_TimeoutMinutes = Annotated[
    int | None,
    typer.Option("--timeout-minutes", metavar="N", help="How long the script may run, as far as the stack allows it."),
]
_Batch = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="ID",
        help="The ID that the jobs share; by default several files get a new one, and one file none.",
    ),
]
_Wait = Annotated[bool, typer.Option("--wait", help="Wait until every job has ended; -o does that too.")]


_Overrides = Mapping[str, str | int]


@dataclass(frozen=True)
class _Order:
    """One file, its size in bytes, and where its result goes, if it does."""

    path: Path
    size: int
    target: Path | None


def submit(
    context: typer.Context,
    files: _Files,
    text: _Text = None,
    text_file: _TextFile = None,
    instance_type: _InstanceType = None,
    timeout_minutes: _TimeoutMinutes = None,
    wait: _Wait = False,
    output: Output = None,
    force: Force = False,
    batch: _Batch = None,
    timeout: Timeout = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Upload files, and run a job for each. Those of several files are a batch.

    Nothing is submitted unless every file and the text will do; the first that then cannot be submitted ends the
    command, and the jobs before it go on. A result that cannot be saved is named, and the others are saved.
    JSON: {"batch", "jobs": [{..., "saved_as"}]}.
    """
    batch = _batch_of(batch, files)
    words = _words(text, text_file)
    if output == STREAM and (len(files) > 1 or as_json):
        raise UsageProblem("Standard output takes the result of one job and nothing else: leave out --json.")
    if output == STREAM:
        check_stdout()
    sizes = [_size(path) for path in files]
    asked = {"instance_type": instance_type, "timeout_minutes": timeout_minutes}
    overrides = {name: value for name, value in asked.items() if value is not None}
    here = Context.of(context)
    failures = Failures(len(files), here.redact)
    with here.client(url) as client:
        limits = client.limits()
        if not 0 < len(words) <= limits["max_text_chars"]:
            raise UsageProblem(f"The text has {len(words)} characters; it may have 1 to {limits['max_text_chars']}.")
        for path in files:
            _check_name(path, limits["max_filename_bytes"])
        targets = [_target(path.name + limits["output_suffix"], output, force) for path in files]
        orders = [_Order(*each) for each in zip(files, sizes, targets, strict=True)]
        _check_apart(orders)
        for order in orders:
            _check_size(order, limits["max_upload_bytes"])
        _check_overrides(overrides, limits)
        if not as_json and (price := price_note(limits)):
            note(price)
        jobs: list[Job] = []
        try:
            for order in orders:
                jobs.append(_submitted(client, order, words, overrides, batch, limits["multipart_from_bytes"]))  # noqa: PERF401 - kept up to an error
            if wait or output:
                _wait(client, orders, jobs, timeout, failures, output=output, force=force)
        finally:
            _tell(orders, jobs, batch, as_json=as_json, aside=output == STREAM)
    if wait or output:
        _end(jobs, failures)


def _batch_of(given: str | None, files: Sequence[Path]) -> str | None:
    check_batch_id(given)
    return new_batch_id() if given is None and len(files) > 1 else given


def _end(jobs: list[Job], failures: Failures) -> None:
    """A job that failed is named, but an error of the command itself makes its exit code."""
    try:
        end([job for job in jobs if job["status"] in TERMINAL])
    finally:
        failures.check()


def _words(text: str | None, file: str | None) -> str:
    if (text is None) == (file is None):
        raise UsageProblem("Give the text with either --text or --text-file.")
    try:
        if file is None:
            (text or "").encode()  # an argument that is no UTF-8 has surrogates
            return text or ""
        content = binary_stdin().read() if file == STREAM else Path(file).read_bytes()
        return content.decode()
    except UnicodeEncodeError as error:
        raise UsageProblem("The text of --text is not in UTF-8. Give it with --text-file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"The text cannot be read from {file}: {error}.") from error


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise UsageProblem(f"{path} is not a file. Folders cannot be submitted: name the files in them.")
    return found.st_size


def _check_name(path: Path, most: int) -> None:
    try:
        size = len(unicodedata.normalize("NFC", path.name).encode())
    except UnicodeEncodeError as error:
        raise UsageProblem(f"The name of {str(path)!a} is not in UTF-8. Rename the file.") from error
    if size > most:
        raise UsageProblem(f"The name of {path} has {size} bytes; at most {most} are allowed. Rename the file.")


def _target(name: str, output: str | None, force: bool) -> Path | None:
    return None if output in {None, STREAM} else target_of(name, output, force=force)


def _check_size(order: _Order, most: int) -> None:
    if order.size > most:
        raise UsageProblem(f"{order.path} is too large: {readable(order.size)}; at most {readable(most)} are allowed.")


def _check_apart(orders: Sequence[_Order]) -> None:
    targets = [order.target for order in orders if order.target]
    if len(set(targets)) < len(targets):
        raise UsageProblem("Several results would go to the same file. Give -o a folder, and files of other names.")


def _check_overrides(overrides: _Overrides, limits: Mapping[str, Any]) -> None:
    wanted, minutes = overrides.get("instance_type"), overrides.get("timeout_minutes")
    allowed, most = limits["allowed_instance_types"], limits["max_job_timeout_minutes"]
    if wanted is not None and wanted not in allowed:
        remedy = f"--instance-type may be: {', '.join(allowed)}" if allowed else "leave out --instance-type"
        raise UsageProblem(f"The stack does not allow {wanted}; {remedy}.")
    if isinstance(minutes, int) and not 1 <= minutes <= most:
        raise UsageProblem(f"{minutes} minutes are not allowed; --timeout-minutes may be 1 to {most}.")


def _submitted(
    client: JobClient,
    order: _Order,
    text: str,
    overrides: _Overrides,
    batch: str | None,
    multipart_from_bytes: int,
) -> Job:
    with transfer(order.path.name, order.size) as on_bytes:
        job_id = upload_file(client, order.path, order.size, multipart_from_bytes, on_bytes)
    return client.create(job_id, text, overrides, batch)


def _wait(
    client: JobClient,
    orders: Sequence[_Order],
    jobs: list[Job],
    timeout: float | None,
    failures: Failures,
    *,
    output: str | None,
    force: bool,
) -> None:
    """Puts each job as it has ended in the place of the one that was submitted, and saves what can be."""
    deadline = None if timeout is None else time.monotonic() + timeout
    for index, order in enumerate(orders):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        with failures.of(jobs[index]):
            jobs[index] = until_ended(client, jobs[index]["id"], left)
            if output is not None and jobs[index]["status"] == "succeeded":
                save(client, jobs[index], order.target, force=force)
                jobs[index]["saved_as"] = str(order.target or STREAM)


def _tell(orders: Sequence[_Order], jobs: Sequence[Job], batch: str | None, *, as_json: bool, aside: bool) -> None:
    """What has become of everything so far."""
    if as_json:
        emit({"batch": batch, "jobs": [_with_place(job) for job in jobs]})
        return
    for order, job in zip(orders, jobs, strict=False):
        saved = f"  saved as {job['saved_as']}" if "saved_as" in job else ""
        show_line(job, f"{order.path}{saved}", aside=aside)
    if batch is not None and jobs:
        note(f"Batch {batch}. Watch it: mayfly watch --batch {batch}")


def _with_place(job: Job) -> dict[str, Any]:
    return {**job, "saved_as": job.get("saved_as")}
