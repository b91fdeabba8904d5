"""A machine's first process: starts its programs, reaps whatever is left alone there, ends all when the machine ends.

Run by `machine_processes` with the number of a socket. Each message there has two file descriptors with it, standard
input and output of a new machine's first process, which is a fork of this one: an interpreter and its imports for each
machine would take ten times as long. Each line of that input asks for something and each line of that output says
something, as JSON:

| asked | said |
|---|---|
| `{start: N, argv, folder, environment, stdout, stderr, script}` | `{started: N}` |
| | `{failed: N, error: [errno, text, file]}` if it cannot be started |
| | `{ended: N, code}` when program N has ended; minus the signal that ended it |
| `{kill: N}` | `{killed: N, found}`: whether there was anything left of its process group |

Output is appended to the files `stdout` and `stderr`. A `script`, `[path, text]` or null, is written before: here,
since no other thread of this process can be between fork(2) and execve(2) with the file open for writing, which would
make it busy (ETXTBSY). The machine ends when the input ends, which also happens when the emulator is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from localcloud.emulator.subreaper import become_subreaper, end_children, parents, reap_children

CHUNK = 64 << 10


class MachineSupervisor:
    def __init__(self) -> None:
        self._running: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}  # by process id; the number, the program
        self._groups: dict[int, int] = {}  # by number; the process id, of those that have ended too

    def serve(self, requests: int) -> None:
        """Returns when the requests have ended.

        Raises:
            BrokenPipeError: there is no one left who reads the answers.
        """
        woken = _woken_by_children()
        rest = b""
        while True:
            ready, _, _ = select.select([requests, woken], [], [])
            if woken in ready:
                os.read(woken, CHUNK)
            self._reap()
            if requests in ready:
                data = os.read(requests, CHUNK)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._handle(json.loads(line))

    def _handle(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            self._kill(request["kill"])
        else:
            self._start(request)

    def _start(self, request: dict[str, Any]) -> None:
        number = request["start"]
        try:
            if request["script"]:
                _write_script(*request["script"])
            with Path(request["stdout"]).open("ab") as stdout, Path(request["stderr"]).open("ab") as stderr:
                process = subprocess.Popen(
                    request["argv"],
                    cwd=request["folder"],
                    env=request["environment"],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    process_group=0,
                )
        except OSError as error:
            _say(failed=number, error=[error.errno, error.strerror, error.filename])
        else:
            self._running[process.pid] = number, process
            self._groups[number] = process.pid
            _say(started=number)

    def _kill(self, number: int) -> None:
        group = self._groups.get(number)
        # Not reaped yet: so the id is still its own. Else it may have become another's, but not in this session.
        found = group is not None and (group in self._running or _has_members(group))
        if group is not None and found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        _say(killed=number, found=found)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid in self._running:
                    number, process = self._running.pop(pid)
                    process.returncode = os.waitstatus_to_exitcode(status)
                    _say(ended=number, code=process.returncode)


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


def _write_script(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
    Path(path).chmod(0o700)


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def supervise() -> None:
    """Is a machine's first process, from its start to its end."""
    become_subreaper()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # As a machine's first process does. Handled rather than ignored: what is ignored would be so for its programs.
        signal.signal(number, lambda *_: None)
    with contextlib.suppress(BrokenPipeError):
        MachineSupervisor().serve(sys.stdin.fileno())
    end_children()


def main() -> None:
    asked = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, lambda *_: reap_children())
    while True:
        message, streams, _, _ = socket.recv_fds(asked, 1, 2)
        if not message:
            return  # the emulator has ended
        if not os.fork():
            break
        for each in streams:
            os.close(each)
    os.setsid()
    asked.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    supervise()
    os._exit(0)  # an interpreter's proper end would touch, and so copy, all that the fork shares: 10 ms


if __name__ == "__main__":
    main()
