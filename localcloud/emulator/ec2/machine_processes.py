"""The processes of one machine, seen from the emulator: started by the machine's supervisor, all ended at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

from localcloud.emulator.ec2 import machine_supervisor
from localcloud.emulator.ec2.machine_supervisor import Program

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([machine_supervisor.__name__])


class MachineEndedError(RuntimeError):
    """Nothing can be started on a machine that is shut down or being shut down."""


class MachineProcess:
    """One program on a machine, for one thread.

    Attributes:
        id: its process id, and that of its process group.
        ended: can be read once it has ended.
    """

    def __init__(self, process_id: int, ended: Connection) -> None:
        self.id = process_id
        self.ended = ended
        self._code: int | None = None

    def wait(self) -> int:
        """Waits for its end and returns its exit code, or minus the signal that ended it."""
        if self._code is None:
            self._code = -signal.SIGKILL  # unless its supervisor lives to say otherwise
            with self.ended, contextlib.suppress(EOFError):
                self._code = int(self.ended.recv())
        return self._code


class MachineProcesses:
    """Starts and ends a machine's processes; safe to use from any thread."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._ending = threading.Lock()  # held by who waits for the supervisor's end
        self._supervisor: Connection | None = None
        self._closed = False

    def start(
        self, argv: Sequence[str], *, folder: Path, stdout: int, stderr: int, script: tuple[Path, bytes] | None = None
    ) -> MachineProcess:
        """Starts a program that reads nothing from its standard input.

        Args:
            argv: the program and its arguments.
            folder: its working folder.
            stdout: descriptor of what its output goes to.
            stderr: the same for its standard error.
            script: a program to write before, and its content.

        Raises:
            MachineEndedError: the machine has ended.
            OSError: the program or the folder cannot be used.
        """
        program = Program(argv, folder, self._environment, script)
        ended, exit_code = _forks.Pipe(duplex=False)
        with contextlib.ExitStack() as failed:
            failed.callback(ended.close)
            with exit_code:
                answer = self._ask(program, stdout, stderr, exit_code.fileno())
            if isinstance(answer, OSError):
                raise answer
            failed.pop_all()
        return MachineProcess(answer, ended)

    def kill(self, process: MachineProcess) -> bool:
        """Ends everything in a program's process group; False if nothing of that was left, on a machine that lives."""
        with contextlib.suppress(MachineEndedError):
            return bool(self._ask(process.id))
        return True

    def close(self) -> None:
        """Begins to end everything; nothing can be started afterwards."""
        with self._lock:
            self._closed = True
            if self._supervisor is not None:
                with contextlib.suppress(ConnectionError):
                    self._supervisor.send(None)

    def kill_all(self) -> None:
        """Ends everything that was ever started; returns when all are gone, and nothing can be started afterwards."""
        self.close()
        with self._ending:
            if self._supervisor is not None:
                with contextlib.suppress(EOFError, ConnectionError):
                    self._supervisor.recv()
                with self._lock:
                    self._supervisor.close()
                    self._supervisor = None

    def reopen(self) -> None:
        """Allows processes again, on a stopped machine that is started."""
        with self._lock:
            self._closed = False

    def _ask(self, request: Program | int, *descriptors: int) -> Any:
        with self._lock:
            if self._closed:
                raise MachineEndedError
            if self._supervisor is None:
                self._supervisor = _started_supervisor()
            try:
                self._supervisor.send(request)
                for each in descriptors:
                    send_handle(self._supervisor, each, 0)
                return self._supervisor.recv()
            except (EOFError, ConnectionError) as error:  # what runs on the machine has killed it
                raise MachineEndedError from error


def _started_supervisor() -> Connection:
    ours, theirs = _forks.Pipe()
    with theirs:
        _forks.Process(target=machine_supervisor.supervise, args=(theirs,), daemon=True).start()
    return ours
