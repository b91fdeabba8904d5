"""What a command's shell leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from localcloud.emulator.ec2.machine_processes import MachineEndedError, MachineProcesses
from localcloud.emulator.ssm.command_shell import CommandShell, ShellEnd
from localcloud.emulator.subreaper import IS_LINUX, parents
from tests.localcloud.emulator.harness import WAIT_SECONDS, is_running, wait_for

NEVER, _open = multiprocessing.Pipe(duplex=False)


@pytest.fixture
def processes() -> Iterator[MachineProcesses]:
    machine = MachineProcesses({"PATH": os.environ["PATH"]})
    yield machine
    machine.kill_all()


def started(processes: MachineProcesses, folder: Path, script: str, speed: float | None = None) -> CommandShell:
    shell = CommandShell(processes, folder, speed)
    shell.start(script, folder)
    return shell


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_a_shell_that_ended_has_its_output_in_files_and_leaves_no_pipe(
    processes: MachineProcesses, tmp_path: Path
) -> None:
    for code in (0, 7):
        before = descriptors()
        shell = started(processes, tmp_path, f"echo out; echo err >&2; exit {code}")
        assert shell.copy(WAIT_SECONDS, NEVER)
        assert shell.end() == ShellEnd(code, f"exit status {code}" if code else "")
    assert descriptors() == before, "the first one has started the machine's supervisor"
    assert (tmp_path / "stdout").read_text() == "out\nout\n"
    assert (tmp_path / "stderr").read_text() == "err\nerr\n"
    assert {each.name for each in tmp_path.iterdir()} == {"_script.sh", "stdout", "stderr"}


@pytest.mark.skipif(not IS_LINUX, reason="elsewhere what has left its session is out of reach")
def test_the_end_of_a_machine_is_that_of_all_its_shells(processes: MachineProcesses, tmp_path: Path) -> None:
    for number in range(2):
        before = descriptors()
        folder = tmp_path / str(number)
        folder.mkdir()
        shell = started(processes, folder, "setsid sleep 600 & echo begun")
        while not (folder / "stdout").read_bytes():
            assert not shell.copy(0.05, NEVER)
        processes.kill_all()
        assert shell.copy(WAIT_SECONDS, NEVER)
        shell.end()
        processes.reopen()
        wait_for(lambda: not multiprocessing.active_children(), "the machine's first process")
    assert descriptors() == before, "the first round has started the fork server"


def test_a_program_waits_until_its_output_is_copied_or_abandoned(processes: MachineProcesses, tmp_path: Path) -> None:
    shell = started(processes, tmp_path, "yes", speed=10)
    assert not shell.copy(1.5, NEVER)
    assert shell.kill() == ShellEnd(137)
    assert 0 < (tmp_path / "stdout").stat().st_size < 1000


def test_a_child_that_keeps_the_output_is_killed_though_its_shell_has_ended(
    processes: MachineProcesses, tmp_path: Path
) -> None:
    """Seen: the command that is at its time limit has timed out, with 137; the script's own 0 is lost."""
    shell = started(processes, tmp_path, "sleep 600 & echo $!; exit 0")
    assert wait([shell._process.ended], WAIT_SECONDS)
    while not (tmp_path / "stdout").read_bytes():
        assert not shell.copy(0.05, NEVER)
    child = int((tmp_path / "stdout").read_text())
    assert shell.kill() == ShellEnd(137)
    wait_for(lambda: not is_running(child), "the child to be gone")
    assert (tmp_path / "stdout").read_text() == f"{child}\n"


def test_a_group_without_processes_is_not_found(processes: MachineProcesses, tmp_path: Path) -> None:
    shell = started(processes, tmp_path, "exit 3")
    assert shell.copy(WAIT_SECONDS, NEVER)
    assert shell.kill() == ShellEnd(1, "no such process")


def test_a_shell_that_cannot_be_started_leaves_no_pipe(processes: MachineProcesses, tmp_path: Path) -> None:
    assert started(processes, tmp_path, "true").copy(WAIT_SECONDS, NEVER)
    before = descriptors()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        CommandShell(processes, tmp_path, None).start("true", tmp_path / "nowhere")
    assert descriptors() == before
    processes.kill_all()
    with pytest.raises(MachineEndedError):
        started(processes, tmp_path, "true")


def test_nothing_starts_on_a_machine_whose_first_process_was_killed(
    processes: MachineProcesses, tmp_path: Path
) -> None:
    shell = started(processes, tmp_path, "exec sleep 600")
    os.kill(parents()[shell._process.id], signal.SIGKILL)
    assert shell.end() == ShellEnd(-1, "signal: killed")
    with pytest.raises(MachineEndedError):
        started(processes, tmp_path, "true")
    assert shell.kill() == ShellEnd(137)
    os.killpg(shell._process.id, signal.SIGKILL)  # its orphans end with the emulator


def test_machines_start_after_one_has_killed_what_starts_them(processes: MachineProcesses, tmp_path: Path) -> None:
    for _ in range(2):
        shell = started(processes, tmp_path, "exit 3")
        assert shell.copy(WAIT_SECONDS, NEVER)
        assert shell.end().code == 3
        processes.kill_all()
        processes.reopen()
        fork_server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # not for others
        os.kill(fork_server, signal.SIGKILL)
        os.waitid(os.P_PID, fork_server, os.WEXITED | os.WNOWAIT)  # it is reaped when it is started again
