from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mayfly.app import app
from mayfly.context import Context
from tests.mayfly.fake_stack import URL, FakeStack

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mayfly.retry.FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr("mayfly.client.FIRST_POLL_SECONDS", 0)
    monkeypatch.setattr("mayfly.log.POLL_SECONDS", 0)


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    with closing(FakeStack()) as made:
        yield made


@pytest.fixture
def here(stack: FakeStack, tmp_path: Path) -> Context:
    """No browser opens."""
    return Context(stack.transport, tmp_path / "config", lambda _: False, {})


@pytest.fixture
def run(here: Context) -> Run:
    """Runs a command against the stack; `here` may be another."""

    def run_in(*words: str | Path, here: Context = here, url: str = URL, given: bytes = b"") -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], obj=here, env={"MAYFLY_URL": url}, input=given)

    return run_in


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, which is the working directory."""
    made = tmp_path / "work"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def document(result: Result) -> Any:
    """The JSON document that is all of standard output."""
    assert result.exit_code in {0, 1}, result.output
    return json.loads(result.stdout)
