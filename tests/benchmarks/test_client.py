from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.client import (
    BEFORE,
    COMMANDS,
    NOW,
    PACKAGES,
    SUBMIT,
    Installed,
    figures_of,
    link_packages,
    stack,
)
from benchmarks.program import ROOT


def test_figures_have_the_other_checkout_as_their_baseline() -> None:
    seconds = {(NOW, name): [0.1, 0.2] for name in COMMANDS} | {(BEFORE, name): [0.4, 0.4] for name in COMMANDS}
    figures = {figure.name: figure for figure in figures_of(seconds)}
    assert figures["client: mayfly --version"].ratio == pytest.approx(0.375)
    assert figures["client: mayfly --version"].meets_its_goal


def test_without_another_checkout_there_is_no_ratio() -> None:
    assert {figure.ratio for figure in figures_of({(NOW, name): [0.1] for name in COMMANDS})} == {None}


def test_a_submission_is_waited_for_with_nothing_but_the_packages_that_the_client_asks_for(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    link_packages(PACKAGES, packages)
    assert {"typer", "httpx2", "pydantic"} < {path.name for path in packages.iterdir()}
    assert not (packages / "boto3").exists()
    (tmp_path / "a.txt").write_text("a")
    with stack() as address:
        words = ["submit", "a.txt", "--text", "t", "--wait", "--url", address]
        assert Installed(ROOT, packages).seconds(words, tmp_path) > 0
    assert "succeeded" in (tmp_path / "output").read_text()
    assert SUBMIT in COMMANDS
