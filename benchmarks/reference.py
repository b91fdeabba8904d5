"""The committed reference, and its table in docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmarks import tables
from benchmarks.figure import Figure
from benchmarks.program import ROOT

REFERENCE = ROOT / "benchmarks" / "reference.json"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- reference: made by `python -m benchmarks keep` -->", "<!-- /reference -->"


def with_table(document: str, record: Mapping[str, Any]) -> str:
    """The document with the record's figures between its marks.

    Raises:
        ValueError: it does not have the marks.
    """
    made, times = re.subn(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}",
        lambda _: f"{BEGIN}\n{_section(record)}\n{END}",
        document,
        flags=re.DOTALL,
    )
    if times != 1:
        raise ValueError(f"the document has no place for the table: {BEGIN} … {END}")
    return made


def _section(record: Mapping[str, Any]) -> str:
    machine = record["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    told = (
        f"{machine['processor']}, {machine['processors']} cores, {machine['memory_gib']:g} GiB; "
        f"Python {machine['python']}, {machine['curl']}; {versions}."
    )
    if record["quick"]:
        told += " A quick run, to be followed by a full one."
    figures = [Figure.from_json(each) for each in record["figures"]]
    headings = (*tables.HEADINGS, "note")
    rows = [(*tables.row(figure), figure.note) for figure in figures]
    return f"{told}\n\n{tables.markdown(headings, rows)}"
