"""Runs the emulator, and ends only when everything that it has started is gone and reaped.

`python -m localcloud.emulator.supervisor SECONDS PROGRAM …` gives the program its own standard streams and ends with
its exit code, or 128 and the number of the signal that ended it. SIGTERM, SIGINT and SIGUSR1 are passed on; a program
that has not ended so many seconds after the first two is killed. This is no part of the emulator, since that may be
killed, and since a program with threads that wait for children of their own cannot wait for adopted ones as well.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from localcloud.emulator.subreaper import become_subreaper, end_children, end_with_parent

ENDING = (signal.SIGTERM, signal.SIGINT)
PASSED_ON = (*ENDING, signal.SIGUSR1)


def main(argv: Sequence[str]) -> int:
    grace, command = float(argv[0]), argv[1:]
    become_subreaper()
    # Until there is a program to pass them on to; who starts this one may have blocked them already.
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    program = subprocess.Popen(command, preexec_fn=_prepare)  # noqa: PLW1509 - there is one thread

    def pass_on(number: int, _frame: Any) -> None:
        if number in ENDING:
            signal.setitimer(signal.ITIMER_REAL, grace)
        _send(program.pid, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    signal.signal(signal.SIGALRM, lambda *_: _send(program.pid, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    program.returncode = _wait(program.pid)
    for number in (*PASSED_ON, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    end_children()
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def _prepare() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    end_with_parent()


def _wait(program: int) -> int:
    """Reaps orphans until the program has ended; its exit code, or minus the signal that ended it."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == program:
            return os.waitstatus_to_exitcode(status)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
