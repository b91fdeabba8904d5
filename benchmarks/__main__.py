"""Every benchmark one after the other, and one table of all their figures.

    python -m benchmarks [run] [--quick] [--only NAME ...]    measure; writes build/bench/bench.json
    python -m benchmarks compare BEFORE.json NOW.json         what has changed by more than runs differ anyway
    python -m benchmarks keep                                 make the last full run the committed reference

Each program runs alone as well: `python -m benchmarks.NAME --help`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.comparison import HEADINGS, changes, summary
from benchmarks.environment import environment
from benchmarks.figure import Figure
from benchmarks.program import RESULTS, ROOT
from benchmarks.reference import DOCUMENT, REFERENCE, with_table

PROGRAMS = (
    "original_design",
    "burst",
    "cold_start",
    "client",
    "first_visit",
    "job_list",
    "payload",
    "chatty_script",
    "pipeline",
)
RESULT = RESULTS / "bench.json"


def run(names: Sequence[str], *, quick: bool, path: Path) -> int:
    """Runs the programs, prints the table; the exit code is 1 when one of them failed."""
    before, began, failed = environment(), time.monotonic(), []
    figures: list[dict[str, Any]] = []
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        result = RESULTS / f"{name}.json"
        result.unlink(missing_ok=True)
        if not _succeeds(name, quick=quick, result=result):
            failed.append(name)
            continue
        figures += json.loads(result.read_text(encoding="utf-8"))["figures"]
    took = time.monotonic() - began
    record = {"environment": before, "programs": list(names), "quick": quick, "took_s": took, "figures": figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(tables.plain(tables.HEADINGS, [tables.row(Figure.from_json(each)) for each in figures]))
    print(f"{took / 60:.1f} minutes; everything is in {path}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _succeeds(name: str, *, quick: bool, result: Path) -> bool:
    """Its own table goes to a file beside its JSON, its progress to standard error."""
    result.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(result)]
    with result.with_suffix(".txt").open("wb") as output:
        ran = subprocess.run([*command, *(["--quick"] if quick else [])], stdout=output, cwd=ROOT, check=False)
    return ran.returncode == 0


def compare(before: Path, now: Path) -> None:
    """Prints what differs as a Markdown table; noise or not, that is no failure."""
    found = changes(*(json.loads(path.read_text(encoding="utf-8")) for path in (before, now)))
    print(tables.markdown(HEADINGS, [change.row() for change in found]))
    print(f"\n{summary(found)}")


def keep(path: Path) -> None:
    """Makes a run the reference, with its table in the document."""
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["quick"] or set(record["programs"]) != set(PROGRAMS):
        sys.exit(f"{path} is not of a full run: only one with every program and without --quick can be the reference")
    REFERENCE.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8"), record), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command")
    running = commands.add_parser("run", help="measure")
    running.add_argument("--quick", action="store_true", help="a smoke test: fewer rounds, smaller sizes")
    running.add_argument("--only", nargs="+", choices=PROGRAMS, default=PROGRAMS, metavar="NAME")
    running.add_argument("--json", type=Path, default=RESULT, help="where the result goes")
    comparing = commands.add_parser("compare", help="two results side by side")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("now", type=Path)
    keeping = commands.add_parser("keep", help="make the last full run the committed reference")
    keeping.add_argument("result", type=Path, nargs="?", default=RESULT)
    arguments = sys.argv[1:]
    named = bool(arguments) and (arguments[0] in commands.choices or arguments[0] in ("-h", "--help"))
    options = parser.parse_args(arguments if named else ["run", *arguments])
    if options.command == "compare":
        compare(options.before, options.now)
    elif options.command == "keep":
        keep(options.result)
    else:
        sys.exit(run(options.only, quick=options.quick, path=options.json))


if __name__ == "__main__":
    main()
