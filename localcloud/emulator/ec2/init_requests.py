"""The machine's init: understands `shutdown`, whose arguments arrive on a pipe."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

log = logging.getLogger("localcloud.machines")

_STOP = "\0"


def delay_of(arguments: str, now: datetime) -> float | None:
    """Seconds until the power-off that a `shutdown` command line asks for; None for `-c`, which cancels it.

    Understands shutdown(8): `now`, `+MINUTES`, `HH:MM`, no time (one minute), and options before it.

    Raises:
        ValueError: the time is none of these, or the command asks for a reboot.
    """
    words = shlex.split(arguments)
    options = {word for word in words if word.startswith("-")}
    if "-c" in options:
        return None
    if options & {"-r", "--reboot"}:
        raise ValueError("a reboot is not emulated")
    times = [word for word in words if not word.startswith("-")]
    when = times[0] if times else "+1"
    if when == "now":
        return 0.0
    if when.startswith("+"):
        return int(when[1:]) * 60.0
    hour, _, minute = when.partition(":")
    at = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    return ((at if at > now else at + timedelta(days=1)) - now).total_seconds()


class Init:
    """Reads the pipe from `start` to `stop` and calls `power_off` when a requested time has come."""

    def __init__(self, pipe: Path, instance_id: str, power_off: Callable[[], None]) -> None:
        self._instance_id = instance_id
        self._power_off = power_off
        self._timer: threading.Timer | None = None
        # Opened for reading and writing, so that the pipe has no end of file between two writers.
        self._descriptor = os.open(pipe, os.O_RDWR)
        self._thread = threading.Thread(target=self._read, name=f"init-{instance_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.cancel()
        with contextlib.suppress(OSError):
            os.write(self._descriptor, f"{_STOP}\n".encode())

    def _read(self) -> None:
        with os.fdopen(self._descriptor, "r", encoding="utf-8", errors="replace") as requests:
            for line in requests:
                if line.startswith(_STOP):
                    return
                self._handle(line.strip())

    def _handle(self, arguments: str) -> None:
        try:
            delay = delay_of(arguments, datetime.now().astimezone())
        except ValueError as error:
            log.warning("%s: shutdown %s: %s", self._instance_id, arguments, error)
            return
        self.cancel()
        if delay is not None:
            self._timer = threading.Timer(delay, self._power_off)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Forgets a power-off that was scheduled."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
