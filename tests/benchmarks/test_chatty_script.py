from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.chatty_script import SCRIPTS, Round, command, environment, figures_of, measure
from benchmarks.payload import MIB

ROUNDS = [Round(1.0, 1.2, 10 * MIB, 40 * MIB), Round(2.0, 3.2, 9 * MIB, 40 * MIB), Round(1.0, 1.3, 8 * MIB, 3 * MIB)]


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_prints_as_much_as_it_is_told_to(script: str) -> None:
    ran = subprocess.run(command(script, MIB), env=environment(), capture_output=True, check=True)
    assert MIB - 100 < len(ran.stdout) <= MIB


def test_a_round_measures_both_sides() -> None:
    found = measure("seq", MIB, sys.executable)
    assert (found.disk_bytes, found.seconds > 0, found.null_seconds > 0) == (MIB, True, True)


def test_time_is_compared_round_by_round_and_the_most_memory_and_disk_count() -> None:
    time, memory, disk = figures_of(1 << 30, {"seq": ROUNDS})
    assert (time.name, time.value, time.ratio) == ("chatty script 1 GiB, seq: time", 1.3, 1.3)
    assert (memory.value, disk.value) == (10, 40)
    assert [each.meets_its_goal for each in (time, memory, disk)] == [True, True, True]
