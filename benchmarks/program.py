"""What the benchmark programs have in common: options, and one JSON of one shape."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.environment import environment
from benchmarks.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "bench"


class Program:
    """One run of a benchmark program; made before it measures anything."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._environment = environment()
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        """A line of progress, on standard error."""
        print(f"{time.monotonic() - self._began:5.0f} s  {self.name}: {line}", file=sys.stderr, flush=True)

    def publish(self, path: Path, figures: Sequence[Figure], **details: Any) -> None:
        """Prints the table of the figures and writes the JSON; `details` are what the figures were made from."""
        print(tables.plain(tables.HEADINGS, list(map(tables.row, figures))))
        record = {
            "benchmark": self.name,
            "environment": self._environment,
            "took_s": time.monotonic() - self._began,
            "figures": [figure.to_json() for figure in figures],
            **details,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Has `--quick` and `--json`, which every program understands."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="a smoke test: fewer rounds, smaller sizes")
    made.add_argument("--json", type=Path, default=RESULTS / f"{name}.json", help="where the result goes")
    return made
