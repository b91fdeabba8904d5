from __future__ import annotations

from benchmarks.figure import Figure, Goal
from benchmarks.tables import HEADINGS, markdown, number, plain, row


def test_numbers_have_the_digits_they_are_good_for() -> None:
    shown = [number(value) for value in (None, 0.0, 0.0153, 0.5, 12.345, 245_000.0)]
    assert shown == ["", "0", "0.015", "0.50", "12.35", "245,000"]


def test_a_row_has_the_figure_beside_its_baseline_ratio_and_goal() -> None:
    figure = Figure("speed", 70.0, "MiB/s", baseline=100.0, goal=Goal(0.8, at_least=True))
    assert row(figure) == ("speed", "70.00", "MiB/s", "100", "0.70", "≥ 0.8", "no")
    assert row(Figure("time", 1.0, "s")) == ("time", "1.00", "s", "", "", "", "")


def test_columns_stand_below_each_other() -> None:
    lines = plain(HEADINGS, [row(Figure("a", 1.0, "s")), row(Figure("longer", 2_000.0, "MiB", 1.0, Goal(1.0)))])
    first, *rest = lines.splitlines()
    value = first.index("value") + len("value")
    assert [line[:value].split()[-1] for line in rest] == ["1.00", "2,000"]
    assert all(line == line.rstrip() for line in rest)


def test_markdown_has_a_line_for_each_figure_below_the_headings() -> None:
    assert markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
