"""The processes of one machine: each started as a session of its own, all ended at once."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


GROUPS = "process-groups"  # one id a line, for whoever has to clean up after an emulator that was killed


class MachineEndedError(RuntimeError):
    """Nothing can be started on a machine that is shut down or being shut down."""


class MachineProcesses:
    """Starts and ends a machine's processes; safe to use from any thread."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def start(
        self, argv: Sequence[str], *, folder: Path, stdout: IO[bytes], stderr: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Starts a program that reads nothing from its standard input.

        Raises:
            MachineEndedError: the machine has ended.
            OSError: the program or the folder cannot be used.
        """
        with self._lock:
            if self._closed:
                raise MachineEndedError
            process = subprocess.Popen(
                list(argv),
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            self._running.add(process)
            with (Path(self._environment["HOME"]).parent / GROUPS).open("a", encoding="ascii") as groups:
                groups.write(f"{process.pid}\n")
        return process

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Waits for the end of a process and returns its exit code, or minus the signal that ended it."""
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Ends a process and everything it started in its session's group."""
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """Ends everything, also what left its group; nothing can be started afterwards."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            self.kill(process)
        _kill_by_home(self._environment["HOME"])

    def reopen(self) -> None:
        """Allows processes again, on a stopped machine that is started."""
        with self._lock:
            self._closed = False


def kill_recorded_groups(machines: Path) -> None:
    """Ends what is left of machines whose emulator could not do it.

    Args:
        machines: the folder that holds the folders of machines.
    """
    for recorded in machines.glob(f"*/{GROUPS}"):
        for group in recorded.read_text(encoding="ascii").split():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(int(group), signal.SIGKILL)


def _kill_by_home(home: str) -> None:
    """Ends processes that a daemonising script moved out of reach of its process group.

    They are known by the HOME that only this machine's processes have. Linux only: macOS shows no process the
    environment of another.
    """
    if not sys.platform.startswith("linux"):
        return
    mark = b"\0HOME=" + home.encode() + b"\0"
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if mark in b"\0" + (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
