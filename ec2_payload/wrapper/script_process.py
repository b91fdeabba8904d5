"""Runs the script in its own process group, passes on what it prints, and lets nothing of it survive."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

from ec2_payload.wrapper.report import STDERR_TAIL_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ec2_payload.wrapper.log import Log
    from ec2_payload.wrapper.stop import StopSignals
    from ec2_payload.wrapper.work_folder import WorkFolder

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
SETTLE_S = 0.5
"""For helpers of the script that are still writing when it has ended (`exec > >(tee log)`)."""
POLL_S = 0.1
READ_SIZE = 64 << 10
TAIL_BYTES = STDERR_TAIL_CHARACTERS * 4 + 3
"""UTF-8 takes up to 4 bytes a character; 3 more for one cut in two at the start."""


class ScriptResult(NamedTuple):
    exit_code: Optional[int]
    """None when a signal ended the script."""
    signal: Optional[str]
    timed_out: bool
    stderr_tail: str


def run_script(
    argv: Sequence[str],
    folder: WorkFolder,
    timeout_s: float,
    log: Log,
    stop: StopSignals,
) -> ScriptResult:
    """Runs the command to its end, its timeout, or a stop signal; then kills what is left of its process group.

    Raises:
        OSError: it cannot be started.
        Stopped: the wrapper was told to stop; the script has been killed.
    """
    with stop.held():
        process = subprocess.Popen(
            argv,
            cwd=folder.working,
            env=folder.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with contextlib.closing(_Pipes(process, log)) as pipes:
            deadline = time.monotonic() + timeout_s
            ended = pipes.pump(lambda: _has_ended(process) or stop.received is not None, deadline)
            timed_out = not ended
            _end_group(process, pipes)
        return _result(process.returncode, timed_out, pipes.stderr_tail())


class _Pipes:
    """The script's standard output and error, passed on as they come."""

    def __init__(self, process: subprocess.Popen[bytes], log: Log) -> None:
        self._process = process
        self._log = log
        self._tail = b""
        self._selector = selectors.DefaultSelector()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ)

    def close(self) -> None:
        self._selector.close()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def open(self) -> bool:
        return bool(self._selector.get_map())

    def pump(self, finished: Callable[[], bool], deadline: float) -> bool:
        """Passes output on until `finished` (True) or the deadline (False)."""
        while not finished():
            remaining = deadline - time.monotonic()
            self._pass_on(max(0.0, min(remaining, POLL_S)))
            if remaining <= 0:
                return False
        return True

    def stderr_tail(self) -> str:
        """The last characters of standard error; bytes that are not UTF-8 are replaced."""
        return self._tail.decode("utf-8", "replace")[-STDERR_TAIL_CHARACTERS:]

    def _pass_on(self, timeout_s: float) -> None:
        if not self.open():  # closed by the script, which may run on for long
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            data = os.read(key.fd, READ_SIZE)
            if not data:
                self._selector.unregister(key.fileobj)
            self._log.pass_through(data)
            if key.fileobj is self._process.stderr:
                self._tail = (self._tail + data)[-TAIL_BYTES:]


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _end_group(process: subprocess.Popen[bytes], pipes: _Pipes) -> None:
    if process.returncode is None:
        _signal_group(process, signal.SIGTERM)
        pipes.pump(lambda: _has_ended(process), time.monotonic() + GRACE_S)
    else:
        pipes.pump(lambda: not pipes.open(), time.monotonic() + SETTLE_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    pipes.pump(lambda: not pipes.open(), time.monotonic() + SETTLE_S)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # The group's id stays taken as long as one of its members lives, so it cannot have become another's.
    # PermissionError: macOS, when only zombies are left in the group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _result(returncode: int, timed_out: bool, stderr_tail: str) -> ScriptResult:
    if returncode >= 0:
        return ScriptResult(returncode, None, timed_out, stderr_tail)
    try:
        name = signal.Signals(-returncode).name
    except ValueError:  # real-time signals have no names
        name = f"signal {-returncode}"
    return ScriptResult(None, name, timed_out, stderr_tail)
