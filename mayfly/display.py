"""What people and programs get to read: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import typer

from mayfly.cost import cost_of
from mayfly.job import Job, short_id, state
from mayfly.streams import width_of, wrapped
from mayfly.text import BEYOND_ASCII, STYLES, last_state, plain, plain_lines

# In JSON they can stay what they are, escaped; those of ASCII are anyway (RFC 8259, section 7).
_ESCAPED = {code: f"\\u{code:04x}" for code in BEYOND_ASCII}
# What a narrow terminal does without, in this order.
_OPTIONAL = ("Size", "Cost", "Batch", "Submitted")
# As rich has them: styles although standard output is no terminal.
_STYLED_ANYWAY = ("FORCE_COLOR", "TTY_COMPATIBLE")
_TAB = 8
_FACTS_FROM = 11  # where what follows a title begins
_INDENT = "  "  # of what belongs to the line above


def emit(document: Any) -> None:
    """A JSON document for a program."""
    typer.echo(_json(document, indent=2))


def emit_line(document: Any) -> None:
    """One of many, each on a line of its own."""
    typer.echo(_json(document))


def _json(document: Any, indent: int | None = None) -> str:
    """In ASCII where standard output does not take every character: a substituted one would be another value."""
    text = json.dumps(document, indent=indent, ensure_ascii=False).translate(_ESCAPED)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(document, indent=indent).translate(_ESCAPED)
    return text


def note(text: str) -> None:
    """Something besides the result."""
    typer.echo(wrapped(plain(text), sys.stderr), err=True)


def say(text: str, style: str = "", hang: int = 0) -> None:
    """A line of the result; `hang` indents what a narrow terminal has below it."""
    text = wrapped(plain(text).expandtabs(_TAB), sys.stdout, hang)
    if sys.stdout.isatty() or any(os.environ.get(name) for name in _STYLED_ANYWAY):
        from mayfly.terminal import print_line  # noqa: PLC0415 - brings rich along, a third of a command's start

        print_line(text, style)
    else:
        typer.echo(text)


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], flexible: Sequence[str] = (), optional: Sequence[str] = ()
) -> None:
    """See `made_table` of mayfly.terminal."""
    from mayfly.terminal import print_table  # noqa: PLC0415 - as above

    print_table(header, rows, flexible, optional)


def entries(header: Sequence[str], rows: Sequence[Sequence[str]], flexible: Sequence[str], first: int) -> None:
    """A table where there is room for it; else an entry for each row.

    Args:
        header: the columns' titles; one may be empty.
        rows: a cell for each title.
        flexible: as of `made_table`.
        first: how many cells are in an entry's first line; each of the others has a line of its own, after its title.
    """
    from mayfly.terminal import has_room  # noqa: PLC0415 - as above

    if has_room(header, rows, flexible):
        table(header, rows, flexible)
        return
    longest = max(map(len, header[first:]))
    for row in rows:
        style = next((STYLES[cell] for cell in row[:first] if cell in STYLES), "")
        say("  ".join(row[:first]), style)
        for title, cell in zip(header[first:], row[first:], strict=True):
            if cell:
                say(f"{_INDENT}{title:{longest}}  {cell}" if longest else f"{_INDENT}{cell}", hang=len(_INDENT))


def show_jobs(jobs: Sequence[Job]) -> None:
    """A line each, with the batch where any has one; on a narrow terminal only what tells one job from another."""
    rows = [
        [_id(job), job["status"], job["filename"], size(job["size"]), minute(job["created_at"]), cost_of(job)]
        for job in jobs
    ]
    header = ["Job", "Status", "File", "Size", "Submitted", "Cost"]
    if any(job["batch"] for job in jobs):
        header.append("Batch")
        for row, job in zip(rows, jobs, strict=True):
            row.append(job["batch"] or "")
    table(header, rows, flexible=["File"], optional=[each for each in _OPTIONAL if each in header])


def show_line(job: Job, what: str = "", *, aside: bool = False) -> None:
    """One job of several, or `what` in the place of its file's name; `aside` where standard output has a result."""
    (note if aside else say)(f"{_id(job, aside=aside)}  {job['status']:9}  {what or job['filename']}")


def show_job(job: Job) -> None:
    """Everything about one job."""
    for title, value in _facts(job):
        first, *others = plain_lines(value) if title == "Text" else [value]
        _say_fact(title, first, STYLES.get(value, ""))
        for line in others:
            say(" " * _FACTS_FROM + line)
    say("")
    rows = [[moment(each["at"]), each["event"], each["detail"]] for each in job["timeline"]]
    entries(["When", "What", ""], rows, flexible=[""], first=2)
    if job["error"]:
        say("")
        for line in failure(job):
            say(line, "red")


def failure(job: Job) -> list[str]:
    """Why a job failed and what to do, then the lines of what its script printed in the end, indented."""
    error = job["error"]
    if error is None:
        return [f"The job {state(job)}."]
    reason, *printed = map(last_state, error["message"].split("\n"))
    return [f"{reason} {error['advice']}", *(f"  {line}" for line in printed)]


def counted(count: int, what: str) -> str:
    """Such as "1 log", "2 logs"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:  # noqa: PLR2004 - SI
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def moment(text: str) -> str:
    """An RFC 3339 time as clocks here show it."""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def minute(text: str) -> str:
    """The same without seconds."""
    return moment(text)[: -len(":00")]


def _say_fact(title: str, value: str, style: str) -> None:
    """Behind its title; below it where a terminal is too narrow for one of its words there."""
    longest = max(map(len, value.split()), default=0)
    if _FACTS_FROM + longest > (width_of(sys.stdout) or _FACTS_FROM + longest):
        say(title)
        say(f"{_INDENT}{value}", style, len(_INDENT))
    else:
        say(f"{title:{_FACTS_FROM}}{value}".rstrip(), style, _FACTS_FROM)


def _id(job: Job, *, aside: bool = False) -> str:
    """Whole for a program."""
    return short_id(job) if (sys.stderr if aside else sys.stdout).isatty() else str(job["id"])


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    yield "Job", job["id"]
    yield "Status", job["status"]
    yield "File", f"{job['filename']} ({size(job['size'])})"
    yield "Text", job["input_text"]
    if job["batch"]:
        yield "Batch", job["batch"]
    overrides = job["overrides"]
    if overrides["instance_type"]:
        yield "Asked for", overrides["instance_type"]
    if overrides["timeout_minutes"]:
        yield "Time-out", f"{overrides['timeout_minutes']} minutes"
    if job["output_size"] is not None:
        yield "Result", size(job["output_size"])
    if cost := cost_of(job):
        yield "Cost", cost if job["cost"]["is_final"] else f"{cost} so far"
    for each in job["machines"]:
        end = f"terminated {moment(each['terminated_at'])}" if each["terminated_at"] else "alive"
        yield "Machine", f"{each['instance_id']} {each['instance_type']} {each['market']} {each['zone']}, {end}"
