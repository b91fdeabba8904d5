"""The shell that runs a command's script, and what the agent makes of its output and its end.

As the agent does (amazon-ssm-agent, executers.go; docs/ssm-agent.md): output goes through pipes to files of its own, a
program that prints faster than it copies waits in write(2), and a command's output is complete only when no process
holds the pipes any more.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from localcloud.emulator.ec2.machine_processes import MachineProcess, MachineProcesses

STREAMS = ("stdout", "stderr")
KILLED = 137  # appconfig, CommandStoppedPreemptivelyExitCode
BY_SIGNAL = -1  # Go, syscall.WaitStatus.ExitStatus
READ_BYTES = 32 << 10  # of Go's io.Copy, which executers.go copies by


@dataclass(frozen=True)
class ShellEnd:
    """`code` as the agent reports it; `error` is what it says of an end that it takes for a failure."""

    code: int
    error: str = ""


class OutputPipe:
    """One of the streams, from its `source` to a file; `due` is when there may be read from it again."""

    def __init__(self, file: Path, bytes_per_s: float | None) -> None:
        self._file = file.open("ab", buffering=0)
        self._bytes_per_s = bytes_per_s
        self.source, self.target = os.pipe()
        self.due = 0.0

    def copy(self) -> bool:
        """Takes what is there; False at the end."""
        most = READ_BYTES if self._bytes_per_s is None else max(1, min(READ_BYTES, int(self._bytes_per_s)))
        data = os.read(self.source, most)
        self._file.write(data)
        if self._bytes_per_s is not None:
            self.due = time.monotonic() + len(data) / self._bytes_per_s
        return bool(data)

    def close(self) -> None:
        """A process that still writes gets SIGPIPE."""
        os.close(self.source)
        self._file.close()


class CommandShell:
    """One run of a script, for one thread. Its end is that of the shell and of all that hold its output."""

    def __init__(self, processes: MachineProcesses, folder: Path, bytes_per_s: float | None) -> None:
        """Starts nothing yet.

        Args:
            processes: of the machine.
            folder: for the script and what it prints, `stdout` and `stderr`.
            bytes_per_s: how fast its output is taken from it; None for as fast as it comes.
        """
        self._processes = processes
        self._folder = folder
        self._bytes_per_s = bytes_per_s
        self._process: MachineProcess
        self._pipes: list[OutputPipe] = []
        self._has_left = False

    def start(self, script: str, working_folder: Path) -> None:
        """Starts it.

        Args:
            script: what the shell is to run, or the program that its first line names.
            working_folder: where.

        Raises:
            MachineEndedError: the machine has ended.
            OSError: the shell, a folder or a file cannot be used.
        """
        path = self._folder / "_script.sh"
        with contextlib.ExitStack() as failed, contextlib.ExitStack() as targets:
            failed.callback(self.abandon)
            for name in STREAMS:
                self._pipes.append(OutputPipe(self._folder / name, self._bytes_per_s))
                targets.callback(os.close, self._pipes[-1].target)
            stdout, stderr = (pipe.target for pipe in self._pipes)
            self._process = self._processes.start(
                # Not `sh PATH`: so a #! line counts (seen, docs/ssm-agent.md).
                ["/bin/sh", "-c", shlex.quote(str(path))],
                folder=working_folder,
                stdout=stdout,
                stderr=stderr,
                script=(path, f"{script}\n".encode()),
            )
            failed.pop_all()

    def copy(self, seconds: float, cancelled: Connection) -> bool:
        """Takes its output until it has ended, which is True, or the time is over, or `cancelled` is ready."""
        until = time.monotonic() + seconds
        while self._pipes or not self._has_left:
            now = time.monotonic()
            if now >= until:
                return False
            due = {pipe.source: pipe for pipe in self._pipes if pipe.due <= now}
            running = [] if self._has_left else [self._process.ended]
            pause = min([until, *(pipe.due for pipe in self._pipes if pipe.due > now)]) - now
            ready = wait([cancelled, *due, *running], pause)
            if cancelled in ready:
                return False
            for pipe in [due[each] for each in ready if isinstance(each, int)]:
                if not pipe.copy():
                    pipe.close()
                    self._pipes.remove(pipe)
            self._has_left = self._has_left or self._process.ended in ready
        return True

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
        while self._pipes:
            self._pipes.pop().close()
