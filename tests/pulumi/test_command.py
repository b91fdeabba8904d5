"""`python -m localcloud … --engine pulumi`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.emulator.process import ROOT
from localcloud.plugins.cli import Workspace

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]


def demo(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "localcloud", "demo", "--engine", "pulumi"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_job_runs_in_a_local_cloud_that_the_real_engine_has_deployed(workspace: Workspace) -> None:
    done = demo(HOME=str(Path.home()), PATH=f"{workspace.cli.parent}:/usr/local/bin:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert "Updating (local)" in done.stderr  # the engine's own words
    assert "Machines alive now: 0" in done.stdout


def test_without_a_cli_the_command_says_how_to_get_one(tmp_path: Path) -> None:
    done = demo(HOME=str(tmp_path), PATH=str(tmp_path))
    assert done.returncode == 1
    assert "build it with `make pulumi`" in done.stderr
