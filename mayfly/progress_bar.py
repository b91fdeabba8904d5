"""What shows on a terminal that it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from mayfly.progress_reader import OnBytes
from mayfly.terminal import Terminal


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[OnBytes]:
    """With the speed and the time that is left; call what it gives with each few bytes."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_terminal(), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def status_line(what: str) -> Iterator[Callable[[str], None]]:
    """Call what it gives with another text."""
    with _terminal().status(Text(what)) as status:
        yield lambda text: status.update(Text(text))


def _terminal() -> Terminal:
    return Terminal(stderr=True, highlight=False)
