"""The local cloud of any checkout, in a process of its own: so that two builds can run side by side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY = "READY "


@dataclass(frozen=True)
class ServedCloud:
    """`pid` is of the process that emulator, functions and machines descend from."""

    url: str
    pid: int


@contextmanager
def served_cloud(checkout: Path) -> Iterator[ServedCloud]:
    """Starts `python -m localcloud up` of a checkout, and ends it.

    Raises:
        SystemExit: it did not start.
    """
    command = [sys.executable, "-m", "localcloud", "up", "--port", "0"]
    with subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:  # what it says of itself goes to standard error, as this program's progress does
        try:
            line = next(iter(process.stdout or ()), "")
            if not line.startswith(READY):
                raise SystemExit(f"the local cloud of {checkout} did not start")
            yield ServedCloud(line.removeprefix(READY).strip(), process.pid)
        finally:
            process.terminate()
