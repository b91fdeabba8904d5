"""A machine's first process: starts its programs, reaps whatever is left alone there, ends all when the machine ends.

Multiprocessing's fork server makes it for `machine_processes`: an interpreter and its imports for each machine would
take ten times as long. On its connection each request has one answer:

| request | answer |
|---|---|
| a `Program`, and the descriptors for it | its process id, or the `OSError` if it cannot be started |
| a program's process id | whether there was anything left of its process group, which is killed |
| None | the end of the connection, once everything on the machine has ended |

The descriptors are a program's standard output and error, and a connection that gets its exit code, or minus the signal
that ended it. The machine also ends when the other end is closed, as it is when the emulator is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle
from pathlib import Path

from localcloud.emulator.subreaper import become_subreaper, end_children, parents

CHUNK = 64 << 10


@dataclass(frozen=True)
class Program:
    """What is to run. `script`, a path and a content, is written before.

    Here, since no other thread of this process can be between fork(2) and execve(2) with the file open for writing,
    which would make it busy (ETXTBSY).
    """

    argv: Sequence[str]
    folder: Path
    environment: dict[str, str]
    script: tuple[Path, bytes] | None = None


class MachineSupervisor:
    def __init__(self, requests: Connection) -> None:
        self._requests = requests
        self._running: dict[int, tuple[subprocess.Popen[bytes], Connection]] = {}  # by process id

    def serve(self) -> None:
        """Returns when the machine ends.

        Raises:
            EOFError, ConnectionError: because the emulator has ended.
        """
        woken = _woken_by_children()
        while True:
            ready = wait([self._requests, woken])
            if woken in ready:
                os.read(woken, CHUNK)
            self._reap()
            if self._requests in ready:
                request = self._requests.recv()
                if request is None:
                    return
                self._requests.send(self._start(request) if isinstance(request, Program) else self._kill(request))

    def _start(self, program: Program) -> int | OSError:
        stdout, stderr, exit_code = (recv_handle(self._requests) for _ in range(3))
        ended = Connection(exit_code, readable=False)
        try:
            if program.script:
                path, content = program.script
                path.write_bytes(content)
                path.chmod(0o700)
            process = subprocess.Popen(
                program.argv,
                cwd=program.folder,
                env=program.environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                process_group=0,
            )
        except OSError as error:
            ended.close()
            return error
        finally:
            os.close(stdout)
            os.close(stderr)
        self._running[process.pid] = process, ended
        return process.pid

    def _kill(self, group: int) -> bool:
        # Not reaped yet: so the id is still its own. Else it may have become another's, but not in this session.
        found = group in self._running or _has_members(group)
        if found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        return found

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (reaped := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = reaped
                if pid in self._running:
                    process, ended = self._running.pop(pid)
                    process.returncode = os.waitstatus_to_exitcode(status)
                    with ended, contextlib.suppress(BrokenPipeError):  # no one wants to know
                        ended.send(process.returncode)


def _woken_by_children() -> int:
    """A pipe that can be read whenever a child may have ended."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def _has_members(group: int) -> bool:
    """Whether a process of this session is in the process group."""
    for pid in parents():
        with contextlib.suppress(OSError):  # ended while we looked
            if os.getpgid(pid) == group and os.getsid(pid) == os.getsid(0):
                return True
    return False


def supervise(requests: Connection) -> None:
    """Is a machine's first process, from its start to its end."""
    os.setsid()
    become_subreaper()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # As a machine's first process does. Handled rather than ignored: what is ignored would be so for its programs.
        signal.signal(number, lambda *_: None)
    with contextlib.suppress(EOFError, ConnectionError):
        MachineSupervisor(requests).serve()
    end_children()
