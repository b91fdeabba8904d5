"""Progress shown on a terminal; nothing where the output is not one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mayfly.progress_reader import OnBytes, ignore_progress
from mayfly.text import plain


@contextmanager
def transfer(what: str, total: int | None) -> Iterator[OnBytes]:
    """A bar with the speed and the time that is left; call what it gives with each few bytes."""
    if not sys.stderr.isatty():
        yield ignore_progress
        return
    from mayfly.progress_bar import progress_bar  # noqa: PLC0415 - brings rich along, a third of a command's start

    with progress_bar(plain(what), total) as advance:
        yield advance


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """A line that shows it goes on; call what it gives with another text."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from mayfly.progress_bar import status_line  # noqa: PLC0415 - as above

    with status_line(plain(what)) as update:
        yield lambda text: update(plain(text))
