"""What the benchmark of the list of jobs makes of its rounds, and what it lets the API answer."""

from __future__ import annotations

from benchmarks.first_visit import BEFORE, NOW
from benchmarks.job_list import Round, answer, figures_of, job

ROUNDS = {
    NOW: [Round(24, 9, 0, 7, 0), Round(40, 12, 0, 8, 0), Round(120, 11, 60, 9, 0)],
    BEFORE: [Round(80, 30, 0, 20, 70)],
}


def test_a_figure_is_the_median_of_the_rounds_and_names_the_other_build() -> None:
    figures = {figure.name.partition(": ")[2]: figure for figure in figures_of(ROUNDS)}
    keystroke = figures["longest keystroke until it is painted"]
    assert (keystroke.value, keystroke.unit, keystroke.note, keystroke.meets_its_goal) == (40, "ms", "before: 80", True)
    assert figures["longest long task while scrolling"].note == "before: 70"


def test_the_list_is_answered_page_by_page() -> None:
    jobs = [job(number) for number in range(70)]
    first = answer("http://x/api/jobs?limit=25", jobs)
    second = answer(f"http://x/api/jobs?limit=50&cursor={first['next_cursor']}", jobs)
    assert (first["jobs"] + second["jobs"], second["next_cursor"]) == (jobs, None)
