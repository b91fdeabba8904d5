"""docs/failures.md says of every failure what the advisor says."""

from __future__ import annotations

from pathlib import Path

from functions.jobs.failure_catalog import FAILURES, FailureClass

PAGE = Path(__file__).parents[3] / "docs" / "failures.md"
HEADINGS = ("code", "what it means", "who must act", "does a retry help", "what to do")


def row(code: str, failure: FailureClass) -> str:
    retry = "yes" if failure.retry_helps else "no"
    return f"| `{code}` | {failure.cause} | {failure.actor} | {retry} | {failure.remedy} |"


def table() -> str:
    lines = [f"| {' | '.join(HEADINGS)} |", "|" + "---|" * len(HEADINGS)]
    return "\n".join([*lines, *(row(code, failure) for code, failure in FAILURES.items())])


def test_the_page_has_exactly_the_advisors_table() -> None:
    shown = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    expected = table()
    assert "\n".join(shown) == expected, f"replace the table in {PAGE.name} by this one:\n{expected}"


def test_no_cell_breaks_the_table() -> None:
    assert not [code for code, failure in FAILURES.items() if row(code, failure).count("|") != len(HEADINGS) + 1]
