"""What `pulumi up` says of a Python that is too old for the program."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pulumi
import pytest

from infra import python_version

_ROOT = Path(__file__).parents[2]


def test_an_old_python_is_refused_in_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    monkeypatch.setattr("platform.python_version", lambda: "3.10.13")
    with pytest.raises(pulumi.RunError) as refused:
        importlib.reload(python_version)
    assert str(refused.value) == (
        "Mayfly needs Python 3.11 or newer, and its virtual environment has 3.10.13."
        " Make it anew: rm -r .venv, and then make setup PYTHON=python3.12"
    )


def test_an_old_python_gets_as_far_as_that() -> None:
    """Nothing but the SDK is imported before, and both files have the syntax of old ones."""
    program = ast.parse((_ROOT / "__main__.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = [each for each in program.body if isinstance(each, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(each) for each in imported[:2]] == ["import pulumi", "import infra.python_version"]
    ast.parse(Path(python_version.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
