"""Figures as text: aligned for a terminal, and in Markdown for documents and job summaries."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figure import Figure

HEADINGS = ("figure", "value", "unit", "baseline", "ratio", "goal", "met")


def number(value: float | None) -> str:
    """With as many digits as it is good for."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def row(figure: Figure) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "no"}[figure.meets_its_goal]
    goal = str(figure.goal) if figure.goal else ""
    values = (number(figure.value), figure.unit, number(figure.baseline), number(figure.ratio))
    return (figure.name, *values, goal, met)


def plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their headings; the first one and those of words to the left, numbers to the right."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    left = {column for column, heading in enumerate(headings) if heading in ("figure", "unit", "goal", "met", "")}

    def laid_out(line: list[str]) -> str:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(map(laid_out, lines))


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
