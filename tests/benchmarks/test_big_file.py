from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmarks.big_file import MIB, TEXT, Row, figures_of, made, table
from benchmarks.processes import EMULATOR, FUNCTIONS, MACHINES
from ec2_payload import script


@pytest.mark.parametrize("size", [1, MIB - 1, MIB, 2 * MIB + 3])
def test_the_expected_result_is_what_the_script_makes_of_the_file(tmp_path: Path, size: int) -> None:
    source, text, target = (tmp_path / name for name in ("in", "text", "out"))
    expected = made(source, size)
    text.write_text(TEXT)
    script.main(str(source), str(text), str(target))
    assert source.stat().st_size == size
    assert hashlib.sha256(target.read_bytes()).hexdigest() == expected


def row(size: int, machines: float) -> Row:
    return Row(size, 1.0, 2.0, 3.0, {EMULATOR: 500.0, FUNCTIONS: 60.0, MACHINES: machines})


def test_memory_has_to_be_the_same_whatever_the_size() -> None:
    found = {figure.name: figure for figure in figures_of([row(64 * MIB, 26.0), row(1 << 30, 52.0)])}
    assert found["big file 64 MiB: peak memory of the machines"].ratio is None
    assert found["big file 1 GiB: peak memory of the functions"].meets_its_goal
    assert found["big file 1 GiB: peak memory of the machines"].ratio == 2
    assert not found["big file 1 GiB: peak memory of the machines"].meets_its_goal


def test_the_table_has_the_emulators_memory_beside_it() -> None:
    assert table([row(1 << 30, 26.0)]).splitlines()[1].endswith("500, 60, 26")
