"""Styled lines and tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mayfly.text import STYLES, plain, plain_lines

FILE, LATEST = "File", "Latest"
"""Titles whose cells are cut rather than folded: in the middle, and at the end."""
_WIDE = 10_000  # nothing is cut off for a program
_ROOM = 20  # what a column keeps before others are left out for it
_GAP = 2


class Terminal(Console):
    """Leaves a closed pipe to the command, where rich would end it with the exit code of a failed job."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def print_line(text: str, style: str) -> None:
    _console().print(Text(text, style), soft_wrap=True)


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], flexible: Sequence[str] = (), optional: Sequence[str] = ()
) -> None:
    """A line for each row."""
    console = _console()
    made = made_table(header, rows, console.width, flexible, optional)
    if sys.stdout.isatty():
        console.print(made)
        return
    with console.capture() as captured:
        console.print(made)
    for line in captured.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")


def has_room(header: Sequence[str], rows: Sequence[Sequence[str]], flexible: Sequence[str]) -> bool:
    """Whether `made_table` leaves out none of these columns, and folds those that are flexible alone."""
    return _needed(_columns(header, rows), flexible) <= _console().width


def made_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    flexible: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> Table:
    """A table no wider than `width`.

    Args:
        header: the columns' titles.
        rows: a cell for each title.
        width: of the terminal.
        flexible: titles; the first one that is shown gets what room the others leave. Without any, all are folded.
        optional: titles of what is left out, in this order, for as long as there is no room.
    """
    columns = _columns(header, rows)
    for title in optional:
        if _needed(columns, flexible) <= width:
            break
        del columns[title]
    gives_way = _first(flexible, columns)
    made = Table(box=None, pad_edge=False)
    for title in columns:
        made.add_column(title, overflow="fold", no_wrap=bool(flexible) and title != gives_way)
    for row in zip(*columns.values(), strict=True):
        made.add_row(*(_cell(title, text) for title, text in zip(columns, row, strict=True)))
    return made


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[list[str]]]:
    return {
        title: [[plain(row[index])] if title == FILE else plain_lines(row[index]) for row in rows]
        for index, title in enumerate(header)
    }


def shortened(name: str, room: int) -> str:
    """A file's name, cut in its middle where it is wider than `room`."""
    if cell_len(name) <= room:
        return name
    end = (room - 1) // 2
    return f"{set_cell_size(name, room - 1 - end)}…{set_cell_size(name[::-1], end)[::-1]}"


class _Name:
    """Of a file: cut in its middle, as its end tells it from others, too."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_measure__(self, _: Console, _options: ConsoleOptions) -> Measurement:
        return Measurement(1, cell_len(self._text))

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield Text(shortened(self._text, options.max_width), no_wrap=True, overflow="ellipsis")


def _cell(title: str, lines: Sequence[str]) -> RenderableType:
    if title == FILE:
        return _Name(lines[0])
    if title == LATEST:
        return Text(lines[0], no_wrap=True, overflow="ellipsis")
    return Text("\n".join(lines), STYLES.get(lines[0], ""))


def _needed(columns: Mapping[str, Sequence[Sequence[str]]], flexible: Sequence[str]) -> int:
    """How wide a terminal has to be for all of them."""
    gives_way = _first(flexible, columns)
    total = _GAP * (len(columns) - 1)
    for title, cells in columns.items():
        longest = max(cell_len(line) for lines in ([title], *cells) for line in lines)
        total += min(longest, _ROOM) if title == gives_way else longest
    return total


def _first(titles: Sequence[str], columns: Mapping[str, object]) -> str | None:
    return next((title for title in titles if title in columns), None)


def _console() -> Console:
    return Terminal(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
