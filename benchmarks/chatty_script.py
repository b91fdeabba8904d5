"""How much a script that prints a lot is slowed down by its log: against the same script with its output to /dev/null.

`python -m benchmarks.chatty_script [--size 1GiB] [--rounds 3] [--quick] [--json build/bench/chatty_script.json]` prints
one table and writes one JSON. The scripts print lines, from one that makes them with some work to one that does nothing
but copy; both sides run in turns, with the same environment, and the wrapper's own start and transfers do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.payload import MIB, readable, size_in_bytes  # as above
from benchmarks.program import ROOT, Program, parser  # as above

SIZE, QUICK_SIZE, ROUNDS = "1GiB", "64MiB", 3
SLOWDOWN_GOAL, MEMORY_GOAL_MIB, DISK_GOAL_MIB = 1.5, 64, 41
LINE = "a line of some eighty characters, as a chatty script may print them, and more."
# What a script does for its lines, and a command that prints so many bytes of them.
SCRIPTS = {
    "Python's print": (
        "python3",
        "-c",
        "import sys; line = sys.argv[2]\nfor _ in range(int(sys.argv[1]) // (len(line) + 1)): print(line)",
    ),
    "seq": ("sh", "-c", 'seq 100000000000 | head -c "$0"'),
    "yes, which only copies": ("sh", "-c", 'yes "$1" | head -c "$0"'),
}
# Runs a script as the wrapper does, and says what that took and left.
UNDER_WRAPPER = """
import json, pathlib, resource, sys, time
from ec2_payload.wrapper.log import Log
from ec2_payload.wrapper.script_process import run_script
from ec2_payload.wrapper.stop import stop_signals
class Folder:
    working = pathlib.Path(sys.argv[1])
    log = working / "log.txt"
    def environment(self):
        return json.loads(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
with stop_signals() as stop:
    result = run_script(sys.argv[3:], Folder(), 3600, Log(), stop)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"exit_code": result.exit_code, "seconds": seconds, "memory_bytes": (peak - before) * 1024,
                  "disk_bytes": Folder.log.stat().st_size}), file=sys.stderr)
"""


@dataclass(frozen=True)
class Round:
    null_seconds: float
    seconds: float
    memory_bytes: int
    disk_bytes: int


def command(script: str, size: int) -> list[str]:
    return [*SCRIPTS[script], str(size), LINE]


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def to_null(argv: Sequence[str]) -> float:
    """Seconds with the output to /dev/null."""
    began = time.perf_counter()
    subprocess.run(argv, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def under_wrapper(argv: Sequence[str], python: str, folder: Path) -> dict[str, float]:
    """Seconds, memory and disk with the wrapper; the live log goes to a program that reads it, as the agent does."""
    ran = subprocess.Popen(
        [python, "-c", UNDER_WRAPPER, str(folder), json.dumps(environment()), *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, error = ran.communicate()
    if ran.returncode:
        raise SystemExit(f"the script failed under the wrapper: {error.decode(errors='replace')}")
    measured: dict[str, float] = json.loads(error)
    if measured.pop("exit_code"):
        raise SystemExit("the script ended with an error under the wrapper")
    return measured


def measure(script: str, size: int, python: str) -> Round:
    argv = command(script, size)
    null = to_null(argv)
    scratch = ROOT / "build"  # /tmp may be in memory
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        ours = under_wrapper(argv, python, Path(folder))
    return Round(null, ours["seconds"], int(ours["memory_bytes"]), int(ours["disk_bytes"]))


def figures_of(size: int, results: dict[str, list[Round]]) -> list[Figure]:
    name = f"chatty script {readable(size)}"
    return [
        *(_slowdown(f"{name}, {script}: time", rounds) for script, rounds in results.items()),
        _most(
            f"{name}: memory", [each.memory_bytes for rounds in results.values() for each in rounds], MEMORY_GOAL_MIB
        ),
        _most(f"{name}: disk", [each.disk_bytes for rounds in results.values() for each in rounds], DISK_GOAL_MIB),
    ]


def _slowdown(name: str, rounds: list[Round]) -> Figure:
    ratios = [each.seconds / each.null_seconds for each in rounds]
    return Figure(
        name,
        statistics.median(each.seconds for each in rounds),
        "s",
        baseline=statistics.median(each.null_seconds for each in rounds),
        goal=Goal(SLOWDOWN_GOAL),
        note="against its output to /dev/null",
        spread=spread_of(ratios),
        paired_ratio=statistics.median(ratios),
    )


def _most(name: str, found: list[int], goal_mib: float) -> Figure:
    return Figure(name, max(found) / MIB, "MiB", goal=Goal(goal_mib), note="the most of all scripts", spread=0.05)


def main() -> None:
    arguments = parser("chatty_script", __doc__)
    arguments.add_argument("--size", type=size_in_bytes)
    arguments.add_argument("--rounds", type=int)
    arguments.add_argument("--python", default=sys.executable, help="the interpreter that runs the wrapper")
    options: argparse.Namespace = arguments.parse_args()
    program = Program("chatty_script")
    size = options.size or size_in_bytes(QUICK_SIZE if options.quick else SIZE)
    rounds = options.rounds or ROUNDS
    results: dict[str, list[Round]] = {}
    for script in SCRIPTS:
        program.say(f"{readable(size)} by {script}, {rounds} rounds")
        results[script] = [measure(script, size, options.python) for _ in range(rounds)]
    figures = figures_of(size, results)
    details = {script: [asdict(each) for each in rounds] for script, rounds in results.items()}
    program.publish(options.json, figures, results=details)


if __name__ == "__main__":
    main()
