from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.processes import EMULATOR, FUNCTIONS, MACHINES, Process, part_of, processor_seconds

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


def test_a_process_belongs_to_the_emulator_the_functions_or_the_machines() -> None:
    worker, machine, emulator = (
        Process(pid, 0.0, 0.0, command) for pid, command in ((2, b"python /x/_worker.py"), (3, b"sh"), (1, b"python"))
    )
    assert [part_of(each, 1) for each in (worker, machine, emulator)] == [FUNCTIONS, MACHINES, EMULATOR]


def test_time_of_ended_children_is_the_machines_and_a_processs_own_is_the_emulators() -> None:
    before = processor_seconds(os.getpid())
    subprocess.run([sys.executable, "-S", "-c", "for _ in range(3_000_000): pass"], check=True)
    after = processor_seconds(os.getpid())
    assert after[MACHINES] > before[MACHINES]
    assert after[EMULATOR] >= before[EMULATOR]
    assert after[FUNCTIONS] == before[FUNCTIONS]
