"""What is installed, and what is said about it."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement
from typer.testing import CliRunner

from mayfly import errors
from mayfly.app import app
from mayfly.version import installed_version
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


def commands_of(app: typer.Typer) -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return {name: group.get_command(None, name) for name in group.list_commands(None)}


def test_the_document_has_every_command_and_every_exit_code() -> None:
    commands = set(commands_of(app))
    assert set(re.findall(r"^mayfly ([a-z]+)", CLI, re.MULTILINE)) == commands
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", CLI, re.MULTILINE)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MayflyError)]
    assert told == {0, 1, 70, 130, 141, *(kind.exit_code for kind in kinds)}


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for name, command in commands_of(app).items():
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


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (["--version"], {"email", "importlib.metadata", "pathlib", "typer"}),
        (["jobs", "--help"], {"httpx2", "pydantic", "rich", "mayfly.commands.submit"}),
        (["submit", "--help"], {"pydantic", "rich", "mayfly.commands.read"}),
    ],
)
def test_a_command_imports_nothing_that_takes_long_and_that_it_does_not_need(
    words: list[str], unneeded: set[str]
) -> None:
    code = (
        "import atexit, sys; sys.argv[1:1] = ['mayfly']; del sys.argv[0]\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from mayfly.entry_point import main; main()"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, *words], env=environment, capture_output=True, text=True, check=True
    )
    assert set(done.stderr.split()) & unneeded == set()


def test_a_command_that_does_not_exist_is_answered_with_one_of_a_similar_name() -> None:
    done = CliRunner().invoke(app, ["sumbit"])
    assert done.exit_code == 2
    assert "Did you mean 'submit'?" in done.stderr


def test_the_version_is_that_of_the_installed_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mayfly-1.2.3.dist-info").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "missing"), str(tmp_path)])
    assert installed_version() == "1.2.3"
    monkeypatch.setattr("sys.path", [str(tmp_path / "missing")])
    assert installed_version() == "not installed"
