from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.payload import (
    CURL,
    CURL_HASHING,
    INTERPRETER,
    MIB,
    PAYLOAD,
    Case,
    Result,
    check_room,
    figures_of,
    readable,
    size_in_bytes,
)


def measured(seconds: float, peak_mib: float) -> dict[str, float]:
    return {"seconds": seconds, "cpu_seconds": seconds, "peak_bytes": peak_mib * MIB}


RESULT = Result(
    Case(128 * MIB, tls=True),
    {
        INTERPRETER: [measured(0.1, 10)] * 3,
        PAYLOAD: [measured(2.0, 24), measured(4.0, 24), measured(2.0, 24)],
        # The round in which the machine was busy slowed both down.
        CURL: [measured(1.5, 10), measured(3.0, 10), measured(1.6, 10)],
    },
)


def test_sizes_are_read_and_shown() -> None:
    assert [size_in_bytes(text) for text in ("512", "64MiB", "1GiB")] == [512, 64 * MIB, 1 << 30]
    assert [readable(size) for size in (64 * MIB, 1 << 30, (5 << 30) - MIB)] == ["64 MiB", "1 GiB", "5 GiB"]


def test_speeds_are_compared_round_by_round() -> None:
    assert RESULT.speed_against(CURL) == 0.75
    memory, speed = figures_of(RESULT)
    assert (memory.value, memory.meets_its_goal) == (14, True)
    assert (speed.name, speed.value, speed.ratio) == ("payload 128 MiB, TLS: speed against curl + cat + curl", 64, 0.75)
    assert not speed.meets_its_goal


def test_processor_time_is_compared_with_the_side_that_does_the_same_work() -> None:
    hashing = [measured(1.0, 10), measured(2.5, 10), measured(2.0, 10)]
    *_, processor = figures_of(Result(RESULT.case, {**RESULT.rounds, CURL_HASHING: hashing}))
    assert (processor.value, processor.baseline, processor.ratio) == (2.0, 2.0, 1.6)
    assert not processor.meets_its_goal


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    check_room(1, tmp_path)
    with pytest.raises(SystemExit, match=r"262144 GiB want .* GiB of room in .*: take a smaller --size"):
        check_room(1 << 48, tmp_path)
