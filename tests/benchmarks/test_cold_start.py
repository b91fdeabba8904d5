from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cold_start
from benchmarks.cold_start import NAIVE, OURS, Side, cold, started


def test_a_sides_ratio_is_the_median_of_its_rounds_ratios_to_the_naive_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # Seconds until ready and answered: of a round that does not count, and of three, in the last of which all is slow.
    taken = {
        "empty": iter([(1, 1)] * 4),
        NAIVE: iter([(9, 9), (3, 5), (3, 5), (21, 41)]),
        OURS: iter([(9, 9), (2, 2), (2, 3), (5, 9)]),
    }

    def start(entry: str, folder: Path, _: Path) -> tuple[float, float]:
        return next(taken[entry if entry == "empty" else folder.name])

    monkeypatch.setattr(cold_start, "started", start)
    naive, ours = cold("entry", {side: Side(Path(side), 2**20) for side in (NAIVE, OURS)}, 3, 0.5)
    assert (naive.import_ratio, naive.ready_ratio) == (1, 1)
    assert (ours.import_ratio, ours.ready_ratio) == (0.5, 0.25)
    assert (ours.import_ms, ours.ready_ms) == (1_000, 2_000)


def test_a_start_is_measured_up_to_the_answer_and_writes_no_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cold_start, "settings", dict)  # those of real functions, which this one does without
    code = "def handler(event, context):\n    open(__file__ + '.answered', 'w').close()\n"
    (tmp_path / "entry.py").write_text(code)
    ready, answered = started("entry", tmp_path, tmp_path)
    assert 0 < ready <= answered
    assert (tmp_path / "entry.py.answered").exists()
    assert not list(tmp_path.rglob("*.pyc"))
