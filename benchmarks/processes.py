"""What the local cloud's processes use, by /proc: processor time and memory of emulator, functions and machines."""

from __future__ import annotations

import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

PROC = Path("/proc")
EMULATOR, FUNCTIONS, MACHINES = "emulator", "functions", "machines"
PARTS = (EMULATOR, FUNCTIONS, MACHINES)
_WORKER = b"_worker.py"  # the program that MiniStack runs for a function
_LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    own_seconds: float
    waited_for_seconds: float  # of children that have ended
    command: bytes


def family(root: int) -> list[Process]:
    """A process and its living descendants; nothing where there is no /proc."""
    everything = {process.pid: process for process in map(_read, PROC.glob("[0-9]*")) if process}
    found, grew = {root}, True
    while grew:
        children = {process.pid for process in everything.values() if process.parent in found} - found
        found |= children
        grew = bool(children)
    return [everything[pid] for pid in found if pid in everything]


def _read(folder: Path) -> Process | None:
    try:
        fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return None  # ended while we looked
    own, waited_for = (sum(map(int, fields[start : start + 2])) / os.sysconf("SC_CLK_TCK") for start in (11, 13))
    return Process(int(folder.name), int(fields[1]), own, waited_for, command)


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


class PeakMemory:
    """Watches a local cloud for as long as it is entered: the most that a process of each part ever had, in MiB."""

    def __init__(self, root: int) -> None:
        self.mib: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_EVERY_SECONDS):
            for process in family(self._root):
                part = part_of(process, self._root)
                self.mib[part] = max(self.mib[part], _peak_mib(process.pid))


def _peak_mib(pid: int) -> float:
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", (PROC / str(pid) / "status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) / 1024 if found else 0.0  # kernel threads and zombies have none
