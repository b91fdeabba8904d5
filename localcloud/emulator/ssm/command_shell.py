"""The shell that runs a command's script, and what the agent makes of its end (amazon-ssm-agent, executers.go)."""

from __future__ import annotations

import contextlib
import shlex
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.emulator.ec2.machine_processes import MachineProcess, MachineProcesses
from localcloud.emulator.ssm.output_pipe import OutputPipe

STREAMS = ("stdout", "stderr")
KILLED = 137  # appconfig, CommandStoppedPreemptivelyExitCode
BY_SIGNAL = -1  # Go, syscall.WaitStatus.ExitStatus


@dataclass(frozen=True)
class ShellEnd:
    """`code` as the agent reports it; `error` is what it says of an end that it takes for a failure."""

    code: int
    error: str = ""


class CommandShell:
    """One run of a script. Its end is that of the shell and of all that hold its output (docs/ssm-agent.md)."""

    def __init__(self, processes: MachineProcesses, folder: Path, on_end: Callable[[], None]) -> None:
        self._processes = processes
        self._folder = folder
        self._on_end = on_end
        self._process: MachineProcess
        self._pipes: list[OutputPipe] = []
        self._lock = threading.Lock()
        self._open = {"process", *STREAMS}

    def start(self, script: str, working_folder: Path, bytes_per_s: float | None) -> None:
        """Starts it.

        Args:
            script: what the shell is to run, or the program that its first line names.
            working_folder: where.
            bytes_per_s: how fast its output is taken from it; None for as fast as it comes.

        Raises:
            MachineEndedError: the machine has ended.
            OSError: the shell, a folder or a file cannot be used.
        """
        path = self._folder / "_script.sh"
        with contextlib.ExitStack() as opened:
            for name in STREAMS:
                self._pipes.append(OutputPipe(self._folder / name, bytes_per_s))
                opened.callback(self._pipes[-1].close)
            stdout, stderr = self._pipes
            self._process = self._processes.start(
                # Not `sh PATH`: so a #! line counts (seen, docs/ssm-agent.md).
                ["/bin/sh", "-c", shlex.quote(str(path))],
                folder=working_folder,
                stdout=stdout.path,
                stderr=stderr.path,
                script=(path, f"{script}\n"),
            )
            opened.pop_all()
        for name, pipe in zip(STREAMS, self._pipes, strict=True):
            pipe.copy(lambda name=name: self._ended(name))  # type: ignore[misc]  # mypy cannot infer a lambda's default
        threading.Thread(target=self._await_process, name="agent-shell", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        return not self._open

    def end(self) -> ShellEnd:
        """How it went, once it has ended."""
        code = self._process.wait()
        if code < 0:
            return ShellEnd(BY_SIGNAL, f"signal: {(signal.strsignal(-code) or str(-code)).lower()}")
        return ShellEnd(code, f"exit status {code}" if code else "")

    def kill(self) -> ShellEnd:
        """What becomes of it at its time limit or when it is cancelled: what it has printed so far is all there is."""
        # The shell's process group. Once the shell has ended, that may be empty although a process holds its output.
        # The pipes are left only then: a script that writes into a pipe which is not read ends by itself.
        is_killed = self._processes.kill(self._process)
        self.abandon()
        return ShellEnd(KILLED) if is_killed else ShellEnd(1, "no such process")

    def abandon(self) -> None:
        """Takes no more of its output."""
        for pipe in self._pipes:
            pipe.stop()

    def _await_process(self) -> None:
        self._process.wait()
        self._ended("process")

    def _ended(self, what: str) -> None:
        with self._lock:
            self._open.discard(what)
        if not self._open:
            self._on_end()
