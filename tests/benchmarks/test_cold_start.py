from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cold_start
from benchmarks.cold_start import NAIVE, OURS, Side, cold, table
from infra.bundle import Bundle


def test_a_sides_ratio_is_the_median_of_its_rounds_ratios_to_the_naive_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cold_start, "settings", dict)  # those of real functions, which this one does without
    for side, steps in ((NAIVE, 30_000_000), (OURS, 3_000_000)):
        (tmp_path / side).mkdir()
        (tmp_path / side / "entry.py").write_text(
            f"for _ in range({steps}): pass\n"
            "def handler(event, context):\n"
            "    open(__file__ + '.answered', 'w').close()\n"
        )
    sides = {side: Side((tmp_path / side,), 2**20) for side in (NAIVE, OURS)}
    naive, ours = cold(Bundle("entry", "no lock"), sides, 3, 0.5)
    assert (naive.import_ratio, naive.ready_ratio) == (1, 1)
    assert 0 < ours.import_ratio < 0.7
    assert ours.ready_ms >= ours.import_ms > 0
    assert (tmp_path / OURS / "entry.py.answered").exists()
    assert not list(tmp_path.rglob("*.pyc"))
    assert "1.0" in table([naive, ours], (0.003, 0.002))
    assert "1.50 (goal 1.5)" in table([naive, ours], (0.003, 0.002))
