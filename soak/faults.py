"""What goes wrong during a soak: every fault of `/_local/faults`, on and off at random, and killed functions."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Self

import httpx2 as httpx

from benchmarks.processes import FUNCTIONS, family, part_of
from operations.job_client import JobClient

# Every field of localcloud.emulator.faults.FaultPlan, and how its value is drawn.
FAULTS: Mapping[str, Callable[[random.Random], object]] = {
    "insufficient_capacity": lambda rng: rng.randint(1, 6),
    "throttle": lambda rng: rng.randint(1, 20),
    "agent_never_online": lambda rng: rng.randint(1, 2),
    "agent_delay_s": lambda rng: round(rng.uniform(0.2, 3), 1),
    "kill_machine_after_s": lambda rng: round(rng.uniform(0, 2), 1),
    "invisible_for_s": lambda rng: round(rng.uniform(1, 8), 1),
    "fail_terminate": lambda rng: rng.randint(1, 5),
    "agent_bytes_per_s": lambda rng: rng.randint(1_000, 420_000),
    "deny_unregistered": lambda _: True,
    "drop_command_events": lambda _: True,
    "duplicate_stream_records": lambda _: True,
    "old_agent": lambda _: True,
}
_CALM_SHARE = 0.2
_MOST_AT_ONCE = 4
_PHASE_SECONDS = (3.0, 8.0)

Phase = tuple[float, dict[str, object]]


def phases(seed: int) -> Iterator[Phase]:
    """(seconds, faults) without end. Faults are dealt like cards: each has its turn before one comes again."""
    rng = random.Random(f"{seed}/faults")  # noqa: S311 - replayable, no secret
    deck: list[str] = []
    while True:
        faults: dict[str, object] = {}
        if rng.random() >= _CALM_SHARE:
            for _ in range(rng.randint(1, _MOST_AT_ONCE)):
                deck = deck or rng.sample(sorted(FAULTS), len(FAULTS))
                name = deck.pop()
                faults[name] = FAULTS[name](rng)
        yield round(rng.uniform(*_PHASE_SECONDS), 1), faults


class FaultSwitch:
    """Sets one phase after the other for as long as it is entered; no fault is left on afterwards.

    Attributes:
        times: how often each fault was switched on.
        now: the names of those that are on.
        error: why it stopped before its time.
    """

    def __init__(self, client: JobClient, seed: int) -> None:
        self.times: Counter[str] = Counter()
        self.now: list[str] = []
        self.error: Exception | None = None
        self._client = client
        self._phases = phases(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.set_faults({})

    def _run(self) -> None:
        try:
            for seconds, faults in self._phases:
                with suppress(httpx.TransportError):  # the emulator is being restarted
                    self._client.set_faults(faults)
                    self.now = sorted(faults)
                    self.times.update(self.now)
                if self._over.wait(seconds):
                    return
        except Exception as error:  # noqa: BLE001 - reported: a soak without faults has shown nothing
            self.error = error


def kill_function_workers(emulator: int) -> int:
    """Kills every process of the functions, whatever it is doing; how many there were.

    Args:
        emulator: the process id of the local cloud's server.
    """
    killed = 0
    for process in family(emulator):
        if part_of(process, emulator) == FUNCTIONS:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    return killed
