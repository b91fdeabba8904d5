"""What shows on a terminal that it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from mayfly.progress_reader import OnBytes
from mayfly.terminal import Terminal, shortened

_WIDE = 72
# What the name leaves to a bar and the sizes, and to speed and time, so that all of it stays one line.
_OTHERS = 28
_SPEED_AND_TIME = 20


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[OnBytes]:
    """On a wide terminal with the speed and the time that is left; call what it gives with each few bytes."""
    console = _terminal()
    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()]
    others = _OTHERS
    if console.width >= _WIDE:
        columns += [TransferSpeedColumn(), TimeRemainingColumn()]
        others += _SPEED_AND_TIME
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(shortened(what, max(1, console.width - others)), total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def status_line(what: str) -> Iterator[Callable[[str], None]]:
    """Call what it gives with another text."""
    with _terminal().status(Text(what)) as status:
        yield lambda text: status.update(Text(text))


def _terminal() -> Terminal:
    return Terminal(stderr=True, highlight=False)
