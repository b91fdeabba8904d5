"""The shell completes commands, options and values, and its script comes from the client."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_structure import ROOT

NO_DETECTION = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # typer's own: the shell is then an argument


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.argv[0] = 'mayfly'; from mayfly.entry_point import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [("mayfly wat", {"watch"}), ("mayfly jobs --status f", {"failed"}), ("mayfly retry --f", {"--failed"})],
)
def test_what_was_begun_is_completed(line: str, found: set[str]) -> None:
    done = run(_MAYFLY_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1))
    assert (done.returncode, set(done.stdout.split()), done.stderr) == (0, found, "")


def test_completion_is_installed_where_the_shell_reads_it(tmp_path: Path) -> None:
    done = run("--install-completion", "bash", HOME=str(tmp_path), **NO_DETECTION)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mayfly" in (tmp_path / ".bashrc").read_text()
    assert "_MAYFLY_COMPLETE" in run("--show-completion", "bash", **NO_DETECTION).stdout


def test_a_folder_that_completion_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    done = run("--install-completion", "bash", HOME=str(tmp_path / "file"), **NO_DETECTION)
    assert (done.returncode, "completion cannot be installed" in done.stderr) == (3, True), done.stderr


def test_the_version_needs_none_of_the_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mayfly", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & {"rich", "httpx2", "typer"}
