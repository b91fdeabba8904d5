from __future__ import annotations

from benchmarks.job_times import Row, quantile, seconds_to_success, stages
from benchmarks.pipeline import BEFORE, NOW, Function, comparison_of, figures_of, function_table, table
from benchmarks.processes import PARTS


def job(*seconds: int) -> dict[str, object]:
    events = ("queued", "launched", "succeeded")
    return {
        "timeline": [
            {"event": event, "at": f"2026-01-31T09:15:{second:02}Z"}
            for event, second in zip(events, seconds, strict=True)
        ]
    }


def row(name: str, jobs: int, a_job_s: float) -> Row:
    return Row(name, jobs, 1.0, 2.0, 3.0, 0.1, a_job_s, dict.fromkeys(PARTS, 0.25), {"launched": 0.5})


ROWS = [row("one at a time", 20, 1.0), row("20 at once", 20, 0.5), row("200 at once", 200, 0.55)]


def test_a_job_takes_from_queued_to_succeeded_and_its_stages_end_with_their_events() -> None:
    jobs = [job(0, 1, 3), job(0, 2, 4), job(0, 3, 9)]
    assert [seconds_to_success(each) for each in jobs] == [3, 4, 9]
    assert stages(jobs) == {"launched": 2, "succeeded": 2}


def test_the_slowest_is_a_quantile_of_few() -> None:
    assert [quantile([1.0, 2.0, 3.0], share) for share in (0.5, 0.95, 1.0)] == [2.0, 3.0, 3.0]


def test_a_burst_is_linear_when_its_jobs_take_as_long_as_those_of_the_smallest() -> None:
    found = {figure.name: figure for figure in figures_of(ROWS, [Function("launch", 1.0, 200.0)])}
    assert found["pipeline: 20 at once, a job"].ratio is None
    large = found["pipeline: 200 at once, a job"]
    assert (round(large.ratio or 0, 2), large.meets_its_goal) == (1.1, True)
    assert found["pipeline: functions' billed time a job"].value == 200
    assert found["pipeline: 200 at once, processor time of the machines"].value == 0.25


def test_the_tables_have_every_row_stage_and_function() -> None:
    shown = table(ROWS)
    assert [name for name in ("one at a time", "200 at once", "launched") if name not in shown] == []
    assert "0.25 + 0.25 + 0.25 = 0.75" in shown
    assert "launch" in function_table([Function("launch", 1.0, 200.0)])


def test_another_build_is_compared_round_by_round() -> None:
    rounds = {(NOW, "50 at once"): [row("50 at once", 50, each) for each in (0.2, 0.3, 0.9)]}
    rounds[BEFORE, "50 at once"] = [row("50 at once", 50, each) for each in (0.4, 0.5, 3.0)]
    wall, processor = comparison_of(rounds)
    assert (wall.name, wall.ratio, wall.baseline) == ("pipeline against another build: 50 at once, a job", 0.5, 0.5)
    assert (processor.value, processor.ratio) == (0.75, 1.0)
