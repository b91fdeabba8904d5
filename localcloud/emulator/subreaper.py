"""Lets a program reap, and in the end kill, every process that its children ever started.

On Linux a child subreaper (prctl(2)) becomes the parent of each orphan below it, whatever session, group, environment
or folder that has chosen. Elsewhere there is none: what is known there are descendants whose parents all live, and
processes in the session of this program, so one that has left both escapes. Standard library only, since the programs
that use it should start quickly.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36  # as above
LOOK_AGAIN_SECONDS = 0.005

IS_LINUX = sys.platform.startswith("linux")


def become_subreaper() -> None:
    """Orphans of this process's children become its own children; nothing happens where there is no such call."""
    if IS_LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """This process gets SIGTERM when the thread that started it ends; nothing happens where there is no such call."""
    if IS_LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_children() -> None:
    """Kills and reaps until nothing is left but what this user may not kill. Only for a program with one thread."""
    while alive := _children() if IS_LINUX else _relatives():
        if {_kill(pid) for pid in alive} == {False}:
            return
        if not reap_children():
            time.sleep(LOOK_AGAIN_SECONDS)
    reap_children()


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def parents() -> dict[int, int]:
    """Every process's parent, by process id; elsewhere than on Linux without those that are dead."""
    if not IS_LINUX:
        command = ["/bin/ps", "-A", "-o", "pid=,ppid=,state="]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ps:
            listed = [line.split() for line in ps.stdout or ()]
        return {int(pid): int(parent) for pid, parent, state in listed if "Z" not in state and int(pid) != ps.pid}
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # ended while we looked
                # proc(5): the second field, in parentheses, may hold anything; the parent is the fourth.
                stat = (entry / "stat").read_bytes()
                found[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
    return found


def descendants(root: int) -> set[int]:
    """Those of a process whose parents all live, itself not included."""
    known = parents()
    found, before = {root}, 0
    while before < len(found):
        before = len(found)
        found |= {pid for pid, parent in known.items() if parent in found}
    return found - {root}


def _children() -> set[int]:
    """Those of this process, with the dead that it has not reaped: no other process can have the number of one."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # none: a look at every process would say the same, and takes some milliseconds
        return set()
    return {pid for pid, parent in parents().items() if parent == os.getpid()}


def _relatives() -> set[int]:
    """Descendants, and what is in this program's session if that is its own."""
    own = os.getpid()
    in_session = {pid for pid in parents() if _session(pid) == own}
    return (in_session | descendants(own)) - {own}


def _session(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        return os.getsid(pid)
    return None


def _kill(pid: int) -> bool:
    """False if this user may not."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def reap_children() -> int:
    """Those that have ended; returns how many."""
    reaped = 0
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            reaped += 1
    return reaped
