"""The processes of one machine, seen from the emulator: started by the machine's supervisor, all ended at once."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


class MachineEndedError(RuntimeError):
    """Nothing can be started on a machine that is shut down or being shut down."""


class MachineProcess:
    """One program on a machine."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.answer: queue.SimpleQueue[OSError | MachineEndedError | None] = queue.SimpleQueue()
        self._code = -int(signal.SIGKILL)  # unless its supervisor lives to say otherwise
        self._ended = threading.Event()

    def wait(self) -> int:
        """Waits for its end and returns its exit code, or minus the signal that ended it."""
        self._ended.wait()
        return self._code

    def end(self, code: int | None = None) -> None:
        if code is not None:
            self._code = code
        self.answer.put(MachineEndedError())  # read only if it was never started
        self._ended.set()


class MachineProcesses:
    """Starts and ends a machine's processes; safe to use from any thread."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._started = 0
        self._supervisor: _Supervisor | None = None
        self._closed = False

    def start(
        self, argv: Sequence[str], *, folder: Path, stdout: Path, stderr: Path, script: tuple[Path, str] | None = None
    ) -> MachineProcess:
        """Starts a program that reads nothing from its standard input.

        Args:
            argv: the program and its arguments.
            folder: its working folder.
            stdout: file that its output is appended to.
            stderr: the same for its standard error.
            script: a program to write before, and its text.

        Raises:
            MachineEndedError: the machine has ended.
            OSError: the program, the folder or a file cannot be used.
        """
        with self._lock:
            if self._closed:
                raise MachineEndedError
            if self._supervisor is None:
                self._supervisor = _Supervisor()
            self._started += 1
            process = MachineProcess(self._started)
            self._supervisor.start(
                process,
                argv=list(argv),
                folder=str(folder),
                environment=self._environment,
                stdout=str(stdout),
                stderr=str(stderr),
                script=script and [str(script[0]), script[1]],
            )
        if error := process.answer.get():
            raise error
        return process

    def kill(self, process: MachineProcess) -> bool:
        """Ends a process and everything in its process group; False if nothing of that was left."""
        with self._lock:
            supervisor = self._supervisor
        return supervisor is not None and supervisor.kill(process)

    def close(self) -> None:
        """Begins to end everything; nothing can be started afterwards."""
        with self._lock:
            self._closed = True
            if self._supervisor is not None:
                self._supervisor.close()

    def kill_all(self) -> None:
        """Ends everything that was ever started; returns when all are gone, and nothing can be started afterwards."""
        self.close()
        if self._supervisor is not None:
            self._supervisor.wait()

    def reopen(self) -> None:
        """Allows processes again, on a stopped machine that is started."""
        with self._lock:
            self._supervisor = None
            self._closed = False


class _Starter:
    """The other end of `localcloud.emulator.ec2.machine_supervisor`'s socket."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._program = subprocess.Popen(
                [sys.executable, "-ES", "-m", "localcloud.emulator.ec2.machine_supervisor", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def start(self, *streams: int) -> None:
        """A supervisor with this standard input and output.

        Raises:
            BrokenPipeError: the program has ended.
        """
        socket.send_fds(self._socket, [b"\n"], streams)

    def close(self) -> None:
        """Ends the program, not its supervisors."""
        self._socket.close()
        self._program.wait()


_starting = threading.Lock()


@functools.cache
def _starter() -> _Starter:
    starter = _Starter()
    atexit.register(starter.close)
    return starter


def _start_supervisor(*streams: int) -> None:
    with _starting:
        try:
            _starter().start(*streams)
        except BrokenPipeError:  # what runs on a machine has killed it
            _starter().close()
            _starter.cache_clear()
            _starter().start(*streams)


class _Supervisor:
    """One machine's first process."""

    def __init__(self) -> None:
        (stdin, requests), (answers, stdout) = os.pipe(), os.pipe()
        try:
            _start_supervisor(stdin, stdout)
        finally:
            os.close(stdin)
            os.close(stdout)
        self._requests, self._answers = os.fdopen(requests, "wb"), os.fdopen(answers, "rb")
        self._lock = threading.Lock()
        self._ended = False
        self._processes: dict[int, MachineProcess] = {}
        self._kills: dict[int, queue.SimpleQueue[bool]] = {}
        self._reader = threading.Thread(target=self._read, name="machine-supervisor", daemon=True)
        self._reader.start()

    def start(self, process: MachineProcess, **request: Any) -> None:
        with self._lock:
            self._processes[process.number] = process
            ended = self._ended
        if ended:
            process.end()
        self.ask(start=process.number, **request)

    def kill(self, process: MachineProcess) -> bool:
        """False if nothing of its group was left; True also if the whole machine ends."""
        answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
        with self._lock:
            if self._ended:
                return True
            self._kills[process.number] = answer
        self.ask(kill=process.number)
        return answer.get()

    def ask(self, **request: Any) -> None:
        # Closed, or killed by what runs on the machine: everything there has been told to end, and is no more.
        with contextlib.suppress(ValueError, BrokenPipeError):
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()

    def wait(self) -> None:
        """Waits until it, and so everything on the machine, is gone."""
        self._reader.join()

    def _read(self) -> None:
        with self._answers as answers:
            for line in answers:
                self._hear(json.loads(line))
        with self._lock:
            self._ended = True
            left, unanswered = list(self._processes.values()), list(self._kills.values())
        for process in left:
            process.end()
        for answer in unanswered:
            answer.put(True)

    def _hear(self, said: dict[str, Any]) -> None:
        match said:
            case {"started": number}:
                self._processes[number].answer.put(None)
            case {"failed": number, "error": [errno, text, file]}:
                self._take(number).answer.put(OSError(errno, text, file))
            case {"ended": number, "code": code}:
                self._take(number).end(code)
            case {"killed": number, "found": found}:
                with self._lock:
                    answer = self._kills.pop(number)
                answer.put(found)

    def _take(self, number: int) -> MachineProcess:
        with self._lock:
            return self._processes.pop(number)
