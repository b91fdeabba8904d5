from __future__ import annotations

import urllib.request
from pathlib import Path

from benchmarks.first_visit import BEFORE, NOW, OPEN, SIGN_IN, Request, Visit, depth_of, figures_of, served

FAST, SLOW = Visit(500, 8, 19, 2), Visit(1500, 41, 82, 3)


def test_a_request_is_a_round_trip_deeper_than_those_whose_answers_had_come() -> None:
    page = Request("/", 0.0, 0.2, 1)
    found_in_it = [Request("/a", 0.2, 0.4, 1), Request("/b", 0.21, 0.9, 1)]
    assert depth_of([page]) == 1
    assert depth_of([*found_in_it, page]) == 2
    assert depth_of([page, *found_in_it, Request("/c", 0.5, 0.7, 1)]) == 3


def test_figures_have_the_other_build_as_their_baseline() -> None:
    visits = {(NOW, kind): [FAST] for kind in (SIGN_IN, OPEN)} | {(BEFORE, kind): [SLOW] for kind in (SIGN_IN, OPEN)}
    figures = {figure.name: figure for figure in figures_of(visits)}
    shown = figures["first visit: sign-in shown"]
    assert (shown.value, shown.baseline, shown.meets_its_goal) == (500, 1500, True)
    assert figures["first visit: kilobytes until sign-in"].meets_its_goal
    assert figures["first visit: requests until sign-in"].note == "before: 41"


def test_without_another_build_there_is_no_ratio() -> None:
    figures = figures_of({(NOW, kind): [FAST] for kind in (SIGN_IN, OPEN)})
    assert {figure.ratio for figure in figures} == {None}


def test_files_come_compressed_as_cloudfront_does(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"x" * 1_000)
    (tmp_path / "small.js").write_bytes(b"x" * 999)
    with served(tmp_path, {"auth": "none"}) as address:
        found = {}
        for path in ("", "small.js", "config.json"):
            with urllib.request.urlopen(address + path) as answer:  # noqa: S310 - this test's own server
                found[path] = (answer.headers["Content-Encoding"], answer.headers["Cache-Control"])
    assert found == {
        "": ("gzip", "public, max-age=300"),
        "small.js": (None, "public, max-age=300"),
        "config.json": (None, "no-cache"),
    }
