from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as program
from benchmarks.figure import Figure
from benchmarks.reference import BEGIN, DOCUMENT, END, REFERENCE, with_table


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return document


def test_the_documents_table_is_that_of_the_committed_reference(record: dict[str, Any]) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(document, record) == document


def test_the_reference_has_every_program_and_its_figures_have_names_of_their_own(record: dict[str, Any]) -> None:
    assert sorted(record["programs"]) == sorted(program.PROGRAMS)
    names = [Figure.from_json(each).name for each in record["figures"]]
    assert len(set(names)) == len(names)


def test_the_reference_is_a_full_run(record: dict[str, Any]) -> None:
    assert not record["quick"]


def test_every_program_is_there_to_run_alone() -> None:
    folder = REFERENCE.parent
    assert [name for name in program.PROGRAMS if "def main()" not in (folder / f"{name}.py").read_text()] == []


def test_only_a_full_run_becomes_the_reference(tmp_path: Path, record: dict[str, Any]) -> None:
    before = REFERENCE.read_bytes()
    for change in ({"quick": True}, {"programs": ["burst"]}):
        path = tmp_path / "bench.json"
        path.write_text(json.dumps({**record, **change}))
        with pytest.raises(SystemExit, match="not of a full run"):
            program.keep(path)
    assert REFERENCE.read_bytes() == before


def test_a_document_without_a_place_for_the_table_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        with_table("nothing", record)
    assert with_table(f"before\n{BEGIN}\nold\n{END}\nafter", record).startswith(f"before\n{BEGIN}\n")


def test_a_program_that_fails_is_named_and_the_others_figures_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def succeeds(name: str, *, quick: bool, result: Path) -> bool:
        result.write_text(json.dumps({"figures": [Figure(f"{name}: time", 1.0, "s").to_json()]}))
        return quick and name == "works"

    monkeypatch.setattr(program, "_succeeds", succeeds)
    monkeypatch.setattr(program, "RESULTS", tmp_path)
    assert program.run(["breaks", "works"], quick=True, path=tmp_path / "bench.json") == 1
    printed = capsys.readouterr()
    assert "works: time" in printed.out
    assert "breaks: time" not in printed.out
    assert "failed: breaks" in printed.err
    assert json.loads((tmp_path / "bench.json").read_text())["quick"]
