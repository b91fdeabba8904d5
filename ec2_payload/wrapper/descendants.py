"""Every process that the script starts, whatever session or parent it moved to, and the end of them all.

On Linux the wrapper makes itself a child subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)): a process whose parent ends
becomes the wrapper's child, so a daemon that forked twice and called setsid is still found below it. Elsewhere only the
script's process group is known.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

PROC = pathlib.Path("/proc")
PR_SET_CHILD_SUBREAPER = 36
GONE_WITHIN_S = 10.0
"""A killed process goes at once, unless the kernel holds it in an operation that cannot be interrupted."""
POLL_S = 0.005


class _Process(NamedTuple):
    pid: int
    parent: int
    is_zombie: bool


class Descendants:
    """All processes below this one, but `others` and what is below those: they were there before the script."""

    def __init__(self, others: set[int]) -> None:
        self._others = others

    def reap(self, process: subprocess.Popen[bytes]) -> None:
        """Takes in orphans that have ended; the script itself is left to `process`."""
        if not hasattr(os, "waitid"):  # macOS, where orphans are not ours
            return
        with contextlib.suppress(ChildProcessError):
            while True:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is None or ended.si_pid == process.pid or ended.si_pid in self._others:
                    return
                os.waitpid(ended.si_pid, 0)

    def kill_all(self) -> list[int]:
        """Kills until none is left; returns those that would not go within `GONE_WITHIN_S`."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while _has_children():
            left = _below(os.getpid(), self._others)
            for each in left:
                if each.is_zombie and each.parent == os.getpid():
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(each.pid, 0)
                else:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(each.pid, signal.SIGKILL)
            if not left:
                return []
            if time.monotonic() > deadline:
                return [each.pid for each in left]
            time.sleep(POLL_S)
        return []


@contextlib.contextmanager
def adopted_orphans() -> Iterator[Descendants]:
    """Inside, orphans below this process become its children, where the system can do that."""
    _reap_ended()
    others = {each.pid for each in _below(os.getpid(), set())} if _has_children() else set()
    _be_subreaper(1)
    try:
        yield Descendants(others)
    finally:
        _be_subreaper(0)


def _reap_ended() -> None:
    """What was a child before the script: dash, as `sh`, writes a long here-document from a process of its own."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _be_subreaper(value: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):  # a Python without ctypes: the group has to do
        import ctypes  # noqa: PLC0415 - nothing else needs it

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)


def _has_children() -> bool:
    """False is certain; where the system cannot say, False as well: the process group is then all that is known."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _below(root: int, others: set[int]) -> list[_Process]:
    children: dict[int, list[_Process]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):  # it ended while we looked
                state, parent = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:2]
                each = _Process(int(entry.name), int(parent), state in (b"Z", b"X"))
                children.setdefault(each.parent, []).append(each)
    below: list[_Process] = []
    unseen = [root]
    while unseen:
        found = [each for each in children.pop(unseen.pop(), []) if each.pid not in others]
        below += found
        unseen += [each.pid for each in found]
    return below
