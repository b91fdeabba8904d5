from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer

from mayfly import client as polling
from mayfly.batch import check_batch_id, progress_text
from mayfly.commands.options import AsJson, Batch, Timeout, Url
from mayfly.commands.outcome import LONGEST_PAUSE_SECONDS, end
from mayfly.context import Context
from mayfly.display import emit_line, note, show_line
from mayfly.errors import NotEnded
from mayfly.job import Job
from mayfly.live_table import live_table
from mayfly.terminal import Terminal
from mayfly.watch_list import NEWEST, WatchList

_Show = Callable[[Sequence[Job]], None]


def watch(
    context: typer.Context, batch: Batch = None, timeout: Timeout = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Follow a batch, or all your open jobs, until they have ended.

    The exit code says how. A table on a terminal; elsewhere a line for each change of a job's status. JSON: the job, a
    line for each change.
    """
    check_batch_id(batch)
    with Context.of(context).client(url) as client:
        watched = WatchList(client, batch)
        if not watched.jobs:
            note(f"Your {NEWEST} newest jobs have all ended.")
            return
        console = _table_console(as_json=as_json)
        try:
            with live_table(console) if console else _lines(as_json=as_json) as show:
                _follow(watched, show, timeout)
        except NotEnded as error:
            raise NotEnded(f"{error} {_again(batch)}") from error
        except KeyboardInterrupt:
            note(f"Interrupted. The jobs go on. {_again(batch)}")
            raise
    if console is None:  # the table ends with it
        note(progress_text(watched.jobs))
    end(list(watched.jobs))


def _follow(watched: WatchList, show: _Show, timeout: float | None) -> None:
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = min(polling.FIRST_POLL_SECONDS, LONGEST_PAUSE_SECONDS)
    while True:
        show(watched.jobs)
        if not watched.open_ids:
            return
        if deadline is not None and time.monotonic() >= deadline:
            raise NotEnded(f"{len(watched.open_ids)} of {len(watched.jobs)} jobs go on after {timeout:g} s.")
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_PAUSE_SECONDS)
        watched.refresh()


def _table_console(*, as_json: bool) -> Terminal | None:
    """Where a table can be shown and kept up to date."""
    console = Terminal(highlight=False)
    return console if not as_json and sys.stdout.isatty() and not console.is_dumb_terminal else None


@contextmanager
def _lines(*, as_json: bool) -> Iterator[_Show]:
    shown: dict[str, str] = {}

    def show(jobs: Sequence[Job]) -> None:
        for job in jobs:
            if shown.get(job["id"]) != job["status"]:
                shown[job["id"]] = job["status"]
                (emit_line if as_json else show_line)(job)
        sys.stdout.flush()

    yield show


def _again(batch: str | None) -> str:
    return "Watch them: mayfly watch" + (f" --batch {batch}" if batch else "")
