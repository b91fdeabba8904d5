"""What is left of a command's shell, its pipes and its threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.emulator.ec2 import machine_processes
from localcloud.emulator.ec2.machine_processes import MachineEndedError, MachineProcesses
from localcloud.emulator.ssm.command_shell import CommandShell, ShellEnd
from localcloud.emulator.ssm.output_pipe import OutputPipe
from localcloud.emulator.subreaper import IS_LINUX
from tests.localcloud.emulator.harness import is_running, wait_for


@pytest.fixture
def processes() -> Iterator[MachineProcesses]:
    machine = MachineProcesses({"PATH": os.environ["PATH"]})
    yield machine
    machine.kill_all()


def started(processes: MachineProcesses, folder: Path, script: str, speed: float | None = None) -> CommandShell:
    shell = CommandShell(processes, folder, lambda: None)
    shell.start(script, folder, speed)
    return shell


def copying_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name in {"agent-output", "agent-shell"}]


def test_a_shell_that_ended_has_its_output_in_files_and_leaves_no_pipe(
    processes: MachineProcesses, tmp_path: Path
) -> None:
    shell = started(processes, tmp_path, "echo out; echo err >&2; exit 7")
    wait_for(lambda: shell.has_ended, "the shell")
    assert shell.end() == ShellEnd(7, "exit status 7")
    assert (tmp_path / "stdout").read_text() == "out\n"
    assert (tmp_path / "stderr").read_text() == "err\n"
    assert {each.name for each in tmp_path.iterdir()} == {"_script.sh", "stdout", "stderr"}
    wait_for(lambda: not copying_threads(), "the threads to end")


@pytest.mark.skipif(not IS_LINUX, reason="elsewhere what has left its session is out of reach")
def test_the_end_of_a_machine_leaves_no_thread_and_no_pipe(processes: MachineProcesses, tmp_path: Path) -> None:
    shell = started(processes, tmp_path, "setsid sleep 600 & echo begun")
    wait_for(lambda: (tmp_path / "stdout").read_bytes() or None, "the first line")
    processes.kill_all()
    wait_for(lambda: shell.has_ended, "the shell")
    wait_for(lambda: not copying_threads(), "the threads to end")
    assert not list(tmp_path.glob("*.pipe"))


def test_what_is_abandoned_leaves_no_thread_however_slowly_it_was_copied(
    processes: MachineProcesses, tmp_path: Path
) -> None:
    shell = started(processes, tmp_path, "yes", speed=10)
    wait_for(lambda: (tmp_path / "stdout").read_bytes() or None, "the first bytes")
    assert shell.kill() == ShellEnd(137)
    wait_for(lambda: not copying_threads(), "the threads to end")
    assert (tmp_path / "stdout").stat().st_size < 1000
    assert not list(tmp_path.glob("*.pipe"))


def test_a_child_that_keeps_the_output_is_killed_though_its_shell_has_ended(
    processes: MachineProcesses, tmp_path: Path
) -> None:
    """Seen: the command that is at its time limit has timed out, with 137; the script's own 0 is lost."""
    shell = started(processes, tmp_path, "sleep 600 & echo $!; exit 0")
    assert shell._process.wait() == 0
    child = wait_for(lambda: int((tmp_path / "stdout").read_text() or 0) or None, "the child's id")
    assert not shell.has_ended
    assert shell.kill() == ShellEnd(137)
    wait_for(lambda: not is_running(child), "the child to be gone")
    assert (tmp_path / "stdout").read_text() == f"{child}\n"


def test_a_group_without_processes_is_not_found(processes: MachineProcesses, tmp_path: Path) -> None:
    shell = started(processes, tmp_path, "exit 3")
    wait_for(lambda: shell.has_ended, "the shell")
    assert shell.kill() == ShellEnd(1, "no such process")


def test_a_shell_that_cannot_be_started_leaves_no_pipe(processes: MachineProcesses, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CommandShell(processes, tmp_path, lambda: None).start("true", tmp_path / "nowhere", None)
    processes.kill_all()
    with pytest.raises(MachineEndedError):
        started(processes, tmp_path, "true")
    assert not list(tmp_path.glob("*.pipe"))


def test_machines_start_after_one_has_killed_what_starts_them(processes: MachineProcesses, tmp_path: Path) -> None:
    for _ in range(2):
        shell = started(processes, tmp_path, "exit 3")
        wait_for(lambda shell=shell: shell.has_ended, "the shell")  # type: ignore[misc]  # a lambda's default
        assert shell.end().code == 3
        processes.kill_all()
        processes.reopen()
        machine_processes._starter()._program.kill()
        machine_processes._starter()._program.wait()


def test_a_pipe_takes_no_more_than_a_seconds_worth_at_a_time(tmp_path: Path) -> None:
    """So a thread never waits for long before it sees that its machine has ended."""
    pipe = OutputPipe(tmp_path / "stdout", 7.5)
    try:
        assert pipe._read_bytes() == 7
    finally:
        pipe.close()
