from __future__ import annotations

import subprocess
from dataclasses import fields
from itertools import islice
from pathlib import Path

from localcloud.emulator.faults import FaultPlan
from soak.faults import FAULTS, phases
from soak.plan import FAILS, SLOW, expected_output, make_plans

ROOT = Path(__file__).parents[2]


def test_the_same_seed_makes_the_same_plans_and_faults() -> None:
    assert make_plans(7, 50, ["a", "b"]) == make_plans(7, 50, ["a", "b"]) != make_plans(8, 50, ["a", "b"])
    assert list(islice(phases(7), 50)) == list(islice(phases(7), 50)) != list(islice(phases(8), 50))


def test_every_fault_of_the_local_cloud_has_its_turn() -> None:
    assert FAULTS.keys() == {field.name for field in fields(FaultPlan)}
    seen = [FaultPlan.from_json(faults) for _, faults in islice(phases(1), 100)]
    assert all(any(getattr(plan, name) != getattr(FaultPlan(), name) for plan in seen) for name in FAULTS)


def test_plans_have_everything_that_owners_do() -> None:
    plans = make_plans(1, 300, ["a", "b"])
    assert {plan.owner for plan in plans} == {"a", "b"}
    for what in ("fails", "submit_twice", "delete_early", "delete_after_cancel", "retries", "copy_text", "delete"):
        assert {bool(getattr(plan, what)) for plan in plans} == {True, False}, what
    assert any(plan.cancel_after is not None for plan in plans)


def test_the_script_makes_the_output_that_is_expected(tmp_path: Path) -> None:
    script = ROOT / "soak" / "payload" / "append.sh"
    (tmp_path / "text").write_text("text ä\n", encoding="utf-8")
    for content in (b"", b"\n", b"line\n", b"no newline", b"\x00\xff\n\n", b"\x00"):
        (tmp_path / "input").write_bytes(content)
        subprocess.run([script, "input", "text", "output"], cwd=tmp_path, check=True)
        assert (tmp_path / "output").read_bytes() == expected_output(content, "text ä\n")


def test_the_script_fails_and_takes_its_time_as_the_text_asks(tmp_path: Path) -> None:
    source = (ROOT / "soak" / "payload" / "append.sh").read_text(encoding="utf-8")
    assert f"{FAILS})" in source
    assert f"{SLOW})" in source
