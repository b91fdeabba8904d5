from __future__ import annotations

import json

import pytest

from benchmarks.figure import Figure, Goal, spread_of


def test_a_figures_ratio_is_to_its_baseline_and_of_the_rounds_where_sides_took_turns() -> None:
    assert Figure("x", 3.0, "s").ratio is None
    assert Figure("x", 3.0, "s", baseline=2.0).ratio == 1.5
    assert Figure("x", 3.0, "s", baseline=2.0, paired_ratio=1.4).ratio == 1.4


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("memory", 60.0, "MiB", goal=Goal(64)), True),
        (Figure("memory", 65.0, "MiB", goal=Goal(64)), False),
        (Figure("speed", 90.0, "MiB/s", baseline=100.0, goal=Goal(0.8, at_least=True)), True),
        (Figure("speed", 70.0, "MiB/s", baseline=100.0, goal=Goal(0.8, at_least=True)), False),
        (Figure("time", 1.0, "s"), None),
    ],
)
def test_a_goal_is_of_the_ratio_where_there_is_one_and_else_of_the_value(figure: Figure, met: bool | None) -> None:
    assert figure.meets_its_goal is met


def test_a_figure_comes_back_from_its_json_with_its_goal() -> None:
    figure = Figure("x", 3.0, "s", 2.0, Goal(1.2), "a note", spread=0.1, paired_ratio=1.4)
    document = json.loads(json.dumps(figure.to_json()))
    assert document["ratio"] == 1.4
    assert Figure.from_json(document) == figure


def test_the_spread_is_that_of_the_middle_half_so_that_one_outlier_changes_nothing() -> None:
    calm = [9.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 11.0]
    assert spread_of(calm) == 0.0
    assert spread_of([*calm[:-1], 100.0]) == 0.0
    assert spread_of([8.0, 9.0, 10.0, 11.0, 12.0]) == pytest.approx(0.1)
