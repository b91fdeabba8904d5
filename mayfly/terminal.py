"""Styled lines and tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mayfly.display import STYLES, plain

_WIDE = 10_000  # nothing is cut off for a program


class Terminal(Console):
    """Leaves a closed pipe to the command, where rich would end it with the exit code of a failed job."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def print_line(text: str, style: str) -> None:
    _console().print(Text(plain(text), style), soft_wrap=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    _console().print(made_table(header, rows))


def made_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, one_line: bool = False) -> Table:
    """`one_line` cuts off what a row has no room for, which else goes on below."""
    made = Table(box=None, pad_edge=False)
    for title in header:
        made.add_column(title, overflow="ellipsis" if one_line else "fold", no_wrap=one_line)
    for row in rows:
        made.add_row(*(Text(plain(cell), STYLES.get(cell, "")) for cell in row))
    return made


def _console() -> Console:
    return Terminal(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
