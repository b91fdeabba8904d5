from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as program
from benchmarks.comparison import changes, summary
from benchmarks.figure import Figure

HERE = {"processor": "fast", "processors": 2}
ELSEWHERE = {"processor": "slow", "processors": 2}


def result(*figures: Figure, environment: dict[str, Any] = HERE) -> dict[str, Any]:
    return {"environment": environment, "figures": [figure.to_json() for figure in figures]}


def remarks(before: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    return {change.name: change.remark for change in changes(before, now)}


def test_only_a_change_beyond_what_runs_differ_anyway_is_marked() -> None:
    before = result(Figure("calm", 100.0, "calls"), Figure("noisy", 100.0, "calls", spread=0.2))
    now = result(Figure("calm", 110.0, "calls"), Figure("noisy", 130.0, "calls", spread=0.1))
    assert remarks(before, now) == {"calm": "CHANGED", "noisy": ""}
    assert remarks(before, before) == {"calm": "", "noisy": ""}


def test_a_change_for_the_better_is_marked_as_well() -> None:
    assert remarks(result(Figure("x", 10.0, "s")), result(Figure("x", 5.0, "s"))) == {"x": "CHANGED"}


def test_ratios_are_compared_where_there_are_any_whatever_the_values_are() -> None:
    before = result(Figure("x", 10.0, "s", baseline=20.0))
    now = result(Figure("x", 30.0, "s", baseline=60.0), environment=ELSEWHERE)
    (change,) = changes(before, now)
    assert change.row() == ("x", "0.50", "0.50", "ratio", "+0%", "")


def test_seconds_of_another_machine_say_nothing_but_counts_do() -> None:
    before = result(Figure("time", 10.0, "s"), Figure("calls", 10.0, "calls"))
    now = result(Figure("time", 20.0, "s"), Figure("calls", 20.0, "calls"), environment=ELSEWHERE)
    assert remarks(before, now) == {"time": "other machine", "calls": "CHANGED"}


def test_what_only_one_run_measured_is_said() -> None:
    found = changes(result(Figure("old", 1.0, "s")), result(Figure("fresh", 1.0, "s")))
    assert [(change.name, change.remark) for change in found] == [("old", "not measured"), ("fresh", "new")]
    assert [change.row()[1:3] for change in found] == [("1.00", ""), ("", "1.00")]
    assert summary(found) == "0 figures compared, 0 changed by more than runs differ anyway."


def test_comparing_prints_a_table_and_fails_for_no_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "before.json", tmp_path / "now.json"]
    for path, value in zip(paths, (1.0, 9.0), strict=True):
        path.write_text(json.dumps(result(Figure("x", value, "calls"))))
    program.compare(*paths)
    printed = capsys.readouterr().out
    assert "| x | 1.00 | 9.00 | calls | +800% | CHANGED |" in printed
    assert "1 figures compared, 1 changed" in printed
