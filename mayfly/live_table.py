"""A table of jobs that is kept up to date, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mayfly.batch import progress_text
from mayfly.job import Job, short_id
from mayfly.terminal import FILE, LATEST, made_table
from mayfly.text import plain

_FIRST = ("running", "launching", "failed", "queued", "cancelled", "succeeded")
_OTHER_LINES = 3  # header, sum, and the cursor's


@contextmanager
def live_table(console: Console) -> Iterator[Callable[[Sequence[Job]], None]]:
    """Call what it gives with the jobs as they are now; what it showed last stays."""
    options = {"auto_refresh": False, "redirect_stdout": False, "redirect_stderr": False}
    with Live(console=console, **options) as live:  # type: ignore[arg-type]  # all of them are flags
        yield lambda jobs: live.update(_view(jobs, *console.size), refresh=True)


def _view(jobs: Sequence[Job], width: int, height: int) -> Group:
    """As many jobs as there is room for, those that need a look first."""
    room = max(1, height - _OTHER_LINES)
    shown = jobs if len(jobs) <= room else sorted(jobs, key=_rank)[:room]
    rows = [[short_id(job), job["status"], job["filename"], _latest(job)] for job in shown]
    hidden = f"; {len(jobs) - len(shown)} more" if len(shown) < len(jobs) else ""
    table = made_table(["Job", "Status", FILE, LATEST], rows, width, flexible=(LATEST, FILE), optional=(LATEST,))
    return Group(table, Text(plain(f"{progress_text(jobs)}{hidden}"), no_wrap=True, overflow="ellipsis"))


def _rank(job: Job) -> int:
    return _FIRST.index(job["status"]) if job["status"] in _FIRST else 0


def _latest(job: Job) -> str:
    return str(job["timeline"][-1]["detail"]) if job["timeline"] else ""
