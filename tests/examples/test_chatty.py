from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.ec2_payload.machine import interpreters

SCRIPT = Path(__file__).parents[2] / "examples" / "chatty" / "chatty.py"


@pytest.mark.parametrize("python", interpreters())
def test_it_prints_as_much_as_it_is_told(python: str, tmp_path: Path) -> None:
    source, text, target = (tmp_path / name for name in ("input", "text", "output"))
    source.touch()
    text.write_text("2")
    run = subprocess.run([python, SCRIPT, source, text, target], capture_output=True, check=True)
    assert len(run.stdout) == 2_000_000
    assert run.stdout.count(b"\n") == 20_000
    assert target.read_text() == "2 MB printed\n"
