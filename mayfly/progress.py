"""Progress shown on a terminal; nothing where the output is not one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from mayfly.display import Terminal, plain
from mayfly.progress_reader import OnBytes


@contextmanager
def transfer(what: str, total: int | None) -> Iterator[OnBytes]:
    """A bar with the speed and the time that is left; call what it gives with each few bytes."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_terminal(), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(plain(what), total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """A line that shows it goes on; call what it gives with another text."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with _terminal().status(Text(plain(what))) as status:
        yield lambda text: status.update(Text(plain(text)))


def _terminal() -> Terminal:
    return Terminal(stderr=True, highlight=False)
