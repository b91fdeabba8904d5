"""What is installed, and what is said about it."""

from __future__ import annotations

import importlib
import re
import tomllib
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement

from mayfly import errors
from mayfly.app import app
from tests.test_structure import ALLOWED, ROOT

CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_package_asks_for_what_it_imports_and_nothing_else() -> None:
    asked = {Requirement(each).name for each in PROJECT["project"]["dependencies"]}
    assert asked == set(ALLOWED["mayfly"]) - {"mayfly"}


def test_the_package_is_the_client_alone() -> None:
    assert PROJECT["tool"]["setuptools"]["packages"]["find"]["include"] == ["mayfly", "mayfly.*"]


def test_the_installed_command_is_there() -> None:
    module, _, name = PROJECT["project"]["scripts"]["mayfly"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_document_has_every_command_and_every_exit_code() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group has them
    assert set(re.findall(r"^mayfly ([a-z]+)", CLI, re.MULTILINE)) == commands
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", CLI, re.MULTILINE)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MayflyError)]
    assert told == {0, 1, 70, 130, 141, *(kind.exit_code for kind in kinds)}


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]  # as above
        assert command.help, name
        assert "--json" in {option for each in command.params for option in each.opts}, name


def test_a_fault_of_its_own_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("mayfly.app.app", fail)
    monkeypatch.setattr("sys.argv", ["mayfly", "jobs"])
    main = importlib.import_module("mayfly.entry_point").main
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70
    assert capsys.readouterr().err.startswith("error: mayfly itself is at fault: ZeroDivisionError('by zero')")
