"""The command line client's own processor time: what a person waits for, and what a script in a loop pays.

`python -m benchmarks.client [--rounds 15] [--before FOLDER] [--quick] [--json build/bench/client.json]` prints one
table and writes one JSON. `--before` is a checkout of another commit, measured in turns with this one.

Each command is a process of its own, which has the client, the packages that it asks for and no others, all compiled: a
development environment has more, which some of them would import. `submit --wait` talks to a stack of this program
over HTTP, whose job has ended at the fourth look.
"""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, ClassVar

from packaging.requirements import Requirement

from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.program import ROOT, Program, parser

ROUNDS, QUICK_ROUNDS = 15, 3
NOW, BEFORE = "now", "before"
RATIO_GOAL, SUBMIT_GOAL_SECONDS = 0.6, 0.35
PACKAGES = ("typer", "rich", "httpx2")  # pyproject.toml's
SUBMIT = "submit --wait"
COMMANDS = {"--version": ["--version"], "jobs --help": ["jobs", "--help"], SUBMIT: []}
LOOKS = 3
_RUN = (
    "import sys; sys.path[:0] = sys.argv[1:3]; sys.argv[:] = ['mayfly', *sys.argv[3:]]; "
    "from mayfly.entry_point import main; main()"
)
_ID = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
_AT = "2026-01-31T09:15:02.345Z"
_LIMITS = {
    "max_upload_bytes": 10**9,
    "max_text_chars": 10_000,
    "max_filename_bytes": 255,
    "multipart_from_bytes": 10**8,
    "allowed_instance_types": [],
    "max_job_timeout_minutes": 60,
    "output_suffix": "",
    "price": None,
}
_JOB = {
    "id": _ID,
    "filename": "a.txt",
    "output_filename": "a.txt",
    "input_text": "t",
    "created_at": _AT,
    "size": 1,
    "attempts": 1,
    "timeline": [{"at": _AT, "event": "queued", "detail": "Waiting."}] * 5,
    **dict.fromkeys(["output_size", "manifest_sha256", "error", "batch", "cost"]),
    "machines": [],
    "overrides": {"instance_type": None, "timeout_minutes": None},
}


def job(status: str) -> dict[str, Any]:
    return {**_JOB, "status": status}


class _Stack(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    looks: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if self.path == "/config.json":
            self._answer(200, {"auth": "none"})
        elif self.path == "/api/limits":
            self._answer(200, _LIMITS)
        else:
            self.looks.append(self.path)
            self._answer(200, job("running" if len(self.looks) % (LOOKS + 1) else "succeeded"))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/api/uploads":
            form = {"url": f"http://{self.headers['host']}/bucket", "fields": {"key": "inputs/a.txt"}}
            self._answer(201, {"job_id": _ID, "upload": form, "multipart": None, "expires_at": _AT})
        elif self.path == "/bucket":
            self._answer(204, None)
        else:
            self._answer(201, job("queued"))

    def _answer(self, status: int, document: Any) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def stack() -> Iterator[str]:
    """The address of a stack whose jobs succeed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Stack", (_Stack,), {"looks": []}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def link_packages(names: Sequence[str], folder: Path) -> None:
    """Makes a folder with these installed packages and all that they need, and nothing else."""
    wanted, seen = list(names), set()
    while wanted:
        if (name := wanted.pop()) in seen:
            continue
        seen.add(name)
        found = distribution(name)
        needed = map(Requirement, found.requires or [])
        wanted += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
        for top in {file.parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))


@dataclass(frozen=True)
class Installed:
    """Where the client and its packages are."""

    checkout: Path
    packages: Path

    def seconds(self, words: Sequence[str], scratch: Path) -> float:
        """The processor time of a command, with the interpreter's. Raises SystemExit: it failed."""
        command = [sys.executable, "-I", "-S", "-c", _RUN, str(self.checkout), str(self.packages), *words]
        environment = {"PATH": os.environ["PATH"], "HOME": str(scratch), "LANG": "C.UTF-8"}
        with (scratch / "output").open("wb") as output:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=scratch
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit((scratch / "output").read_text(encoding="utf-8"))
        return usage.ru_utime + usage.ru_stime


def measure(checkouts: Mapping[str, Path], rounds: int, program: Program) -> dict[tuple[str, str], list[float]]:
    """Seconds of each (side, command), in rounds."""
    seconds: dict[tuple[str, str], list[float]] = {(side, name): [] for side in checkouts for name in COMMANDS}
    with tempfile.TemporaryDirectory() as made, stack() as address:
        scratch = Path(made)
        (scratch / "packages").mkdir()
        (scratch / "a.txt").write_text("a")
        link_packages(PACKAGES, scratch / "packages")
        submit = ["submit", "a.txt", "--text", "t", "--wait", "--url", address]
        for checkout in checkouts.values():
            compileall.compile_dir(checkout / "mayfly", quiet=1)
        for number in range(rounds + 1):
            program.say(f"round {number} of {rounds}")
            for side, name in sorted(seconds, reverse=number % 2 == 1):
                installed = Installed(checkouts[side], scratch / "packages")
                taken = installed.seconds(COMMANDS[name] or submit, scratch)
                if number:  # the first one fills the disk cache
                    seconds[side, name].append(taken)
    return seconds


def figures_of(seconds: Mapping[tuple[str, str], Sequence[float]]) -> list[Figure]:
    """`before` is the baseline where it was measured."""
    found = []
    for name in COMMANDS:
        now, before = list(seconds[NOW, name]), list(seconds.get((BEFORE, name), []))
        ratios = [one / other for one, other in zip(now, before, strict=False)]
        is_ratio = bool(before) and name != SUBMIT
        found.append(
            Figure(
                f"client: mayfly {name}",
                statistics.median(now),
                "s",
                goal=Goal(RATIO_GOAL) if is_ratio else None,
                note="processor time, the interpreter's included"
                + (f"; ≤ {SUBMIT_GOAL_SECONDS} s wanted" if name == SUBMIT else ""),
                baseline=statistics.median(before) if before else None,
                spread=spread_of(now),
                paired_ratio=statistics.median(ratios) if ratios else None,
            )
        )
    return found


def main() -> None:
    reading = parser("client", __doc__)
    reading.add_argument("--rounds", type=int)
    reading.add_argument("--before", type=Path, help="a checkout of another commit, measured in turns")
    options = reading.parse_args()
    program = Program("client")
    checkouts = {NOW: ROOT, **({BEFORE: options.before.resolve()} if options.before else {})}
    seconds = measure(checkouts, options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS), program)
    details = [{"side": side, "command": name, "seconds": taken} for (side, name), taken in seconds.items()]
    program.publish(options.json, figures_of(seconds), commands=details)


if __name__ == "__main__":
    main()
