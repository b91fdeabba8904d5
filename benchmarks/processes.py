"""What the local cloud's processes use, by /proc: processor time of emulator, functions and machines."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from localcloud.emulator.subreaper import descendants

EMULATOR, FUNCTIONS, MACHINES = "emulator", "functions", "machines"
PARTS = (EMULATOR, FUNCTIONS, MACHINES)
_WORKER = b"_worker.py"  # the program that MiniStack runs for a function


@dataclass(frozen=True)
class Process:
    pid: int
    own_seconds: float
    waited_for_seconds: float  # of children that have ended
    command: bytes


def family(root: int) -> list[Process]:
    """A process and its living descendants; nothing where there is no /proc."""
    return [process for pid in (root, *descendants(root)) if (process := _read(pid))]


def _read(pid: int) -> Process | None:
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return None  # ended while we looked
    own, waited_for = (sum(map(int, fields[start : start + 2])) / os.sysconf("SC_CLK_TCK") for start in (11, 13))
    return Process(pid, own, waited_for, command)


def part_of(process: Process, root: int) -> str:
    if process.pid == root:
        return EMULATOR
    return FUNCTIONS if _WORKER in process.command else MACHINES


def processor_seconds(root: int) -> dict[str, float]:
    """By part. What the emulator has waited for were machines: functions' workers stay."""
    used: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    for process in family(root):
        part = part_of(process, root)
        used[part] += process.own_seconds
        used[MACHINES if part == EMULATOR else part] += process.waited_for_seconds
    return used
