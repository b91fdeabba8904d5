from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.emulator.process import ROOT
from localcloud.emulator.subreaper import IS_LINUX, descendants
from tests.localcloud.emulator.harness import DAEMON, is_running

SUPERVISOR = [sys.executable, "-ES", "-m", "localcloud.emulator.supervisor"]

linux_only = pytest.mark.skipif(not IS_LINUX, reason="elsewhere prctl(2) is missing")

ENDS_CHILDREN = """
import subprocess, sys
from localcloud.emulator import subreaper
subreaper.IS_LINUX = sys.argv[1] == "linux"
subreaper.become_subreaper()
started = subprocess.check_output(["sh", "-c", sys.argv[2]], text=True)
subreaper.end_children()
print(started)
"""


def id_of_ended(script: str, platform: str) -> int:
    """Of the process that the script names, once `end_children` of a program that ran it has returned."""
    command = [sys.executable, "-c", ENDS_CHILDREN, platform, script]
    # What still runs keeps standard error open.
    ended = subprocess.run(command, cwd=ROOT, start_new_session=True, capture_output=True, check=True, timeout=120)
    return int(ended.stdout)


@linux_only
@pytest.mark.parametrize("script", [f"{sys.executable} -c '{DAEMON}'", "sleep 600 >/dev/null & echo $!"])
def test_what_children_have_started_is_ended_and_reaped(script: str) -> None:
    assert not is_running(id_of_ended(script, "linux"))


def test_without_a_subreaper_an_orphan_in_the_same_session_is_ended() -> None:
    assert id_of_ended("sleep 600 >/dev/null & echo $!", "another")


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("kill -KILL $$", 128 + 9)])
def test_the_supervisor_ends_with_its_programs_exit_code(script: str, code: int) -> None:
    assert subprocess.call([*SUPERVISOR, "600", "sh", "-c", script], cwd=ROOT) == code


@pytest.mark.parametrize(
    ("grace", "program", "code"),
    [
        ("600", "trap 'exit 5' TERM; echo; while :; do sleep 0.05; done", 5),
        ("0.1", "trap '' TERM; echo; exec sleep 600", 137),
    ],
    ids=["one that ends when it is asked to", "one that does not"],
)
def test_the_supervisor_passes_signals_on_and_then_kills(grace: str, program: str, code: int) -> None:
    command = [*SUPERVISOR, grace, "sh", "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        supervisor.stdout.readline()
        started = descendants(supervisor.pid)
        supervisor.terminate()
        assert supervisor.wait() == code
    assert started
    assert [pid for pid in started if is_running(pid)] == []


@linux_only
def test_the_supervisor_ends_after_a_daemon_of_its_program(tmp_path: Path) -> None:
    daemon = tmp_path / "daemon.py"
    daemon.write_text(DAEMON)
    command = [*SUPERVISOR, "600", sys.executable, str(daemon)]
    pid = int(subprocess.check_output(command, cwd=ROOT))
    assert not is_running(pid)


@linux_only
def test_the_supervisors_program_ends_with_a_supervisor_that_is_killed() -> None:
    command = [*SUPERVISOR, "600", "sh", "-c", "trap 'echo ended; exit' TERM; echo; while :; do sleep 0.05; done"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        supervisor.stdout.readline()
        os.kill(supervisor.pid, signal.SIGKILL)
        assert supervisor.stdout.read() == b"ended\n"
