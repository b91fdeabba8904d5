"""Time and peak memory of the payload on one large file, against `curl`, `cat` and `curl` doing the same.

`python -m benchmarks.payload [--size 128MiB 1GiB] [--rounds N] [--quick] [--json build/bench/payload.json]` prints one
table and writes one JSON; `--gib 5` takes a file of (almost) 5 GiB, what one PUT takes at most, and wants
three times that on the disk.

All sides talk to the same server on this machine, in another process, in turns, so that a change of the machine's load
meets all. Plain HTTP shows the payload's own work best; by TLS, as on AWS, the encryption comes on top for all. The
payload makes SHA-256 of what comes and of what goes, which curl does not: "curl with SHA-256" does the whole work, with
the same OpenSSL.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import pathlib
import re
import shlex
import shutil
import socketserver
import ssl
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.certificate import self_signed
from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.program import ROOT, Program, parser

SIZES, QUICK_SIZES = ("128MiB", "1GiB"), ("128MiB",)
ROUNDS, FEW_ROUNDS, LARGE = 5, 3, 1 << 30  # a round of a large file takes long enough to be like the next one
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
MIB = 1 << 20
MEMORY_GOAL_MIB = 64
SPEED_GOAL, PROCESSOR_GOAL = 0.8, 1.25
GIB_MARGIN = MIB  # of a file of so many GiB: with the text it must not be more than one PUT takes
SPARE_BYTES = 1 << 30
TEXT = "the text"
INTERPRETER, PAYLOAD, CURL, CURL_HASHING = "bare interpreter", "payload", "curl + cat + curl", "curl with SHA-256"
LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = status
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"status": status, "seconds": time.perf_counter() - start,
                  "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * unit}))
"""


class Store(socketserver.ThreadingTCPServer):
    """Serves one file and one spec with as little work as possible, so that it is not what is measured."""

    allow_reuse_address = True
    daemon_threads = True
    file = ""
    spec = b""
    uploaded = 0


class Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/spec":
            self.send_header("Content-Length", str(len(self.server.spec)))
            self.end_headers()
            self.wfile.write(self.server.spec)
            return
        with pathlib.Path(self.server.file).open("rb") as file:
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            self.connection.sendfile(file)

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        self.server.uploaded = left
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        buffer = bytearray(MIB)
        while left:
            count = self.rfile.readinto1(memoryview(buffer)[: min(MIB, left)])
            if not count:
                return
            left -= count
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle_expect_100(self) -> bool:
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden method's name for it
        """Quiet."""


class SecureStore(Store):
    """Each connection's handshake is made in its own thread."""

    certificate = ""

    def finish_request(self, request: Any, client_address: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        with context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)


def serve(file: str, certificate: str, pipe: Connection) -> None:
    """The server process: sends its port, then takes the spec, then serves until it is terminated."""
    kind = SecureStore if certificate else Store
    store = kind(("127.0.0.1", 0), Handler)
    if isinstance(store, SecureStore):
        store.certificate = certificate
    store.file = file
    pipe.send(store.server_address[1])
    store.spec = pipe.recv_bytes()
    pipe.send(True)
    store.serve_forever()


def measure(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Runs the command under a small process of its own: a child's peak counts its parent's memory when it forks."""
    ran = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
    )
    result: dict[str, float] = json.loads(ran.stdout)
    if result.pop("status"):
        raise SystemExit(f"{command[0]} failed: {ran.stderr.decode(errors='replace')}")
    return result


def payload_spec(url: str, size: int) -> bytes:
    return json.dumps(
        {
            "version": 1,
            "job_id": "benchmark",
            "owner": "anonymous",
            "attempt": 1,
            "filename": "big.bin",
            "text": TEXT,
            "input": {"url": f"{url}/input", "size": size},
            "output": {"url": f"{url}/output"},
            "command": ["./script.py"],
            "timeout_s": 3600,
        },
    ).encode()


def baseline(url: str, folder: pathlib.Path, *, hashing: bool) -> list[str]:
    """The shell's way; --expect100-timeout is not at work, the server answers at once."""
    (folder / "text").write_text(TEXT, encoding="utf-8")
    inside = shlex.quote(str(folder))
    steps = (
        f"cd {inside}",
        f"curl -sSf -o in {url}/input",
        *(["openssl dgst -sha256 in"] if hashing else []),
        "cat in text >out",
        *(["openssl dgst -sha256 out"] if hashing else []),
        f"curl -sSf -T out {url}/output",
        "rm in out",
    )
    return ["/bin/sh", "-c", " && ".join(steps)]


@dataclass(frozen=True)
class Case:
    size: int
    tls: bool

    @property
    def name(self) -> str:
        return f"{readable(self.size)}{', TLS' if self.tls else ''}"


@dataclass(frozen=True)
class Result:
    """Rounds by side, in the order they ran: `{seconds, cpu_seconds, peak_bytes}` of each."""

    case: Case
    rounds: dict[str, list[dict[str, float]]] = field(repr=False)

    def median(self, side: str, what: str) -> float:
        return statistics.median(one[what] for one in self.rounds[side])

    @property
    def sides(self) -> list[str]:
        return [side for side in self.rounds if side != INTERPRETER]

    def speeds(self, side: str) -> list[float]:
        """MiB a second, of the input, from the first byte down to the last one up."""
        return [self.case.size / MIB / one["seconds"] for one in self.rounds[side]]

    def speed_against(self, side: str) -> float:
        """How fast the payload is, were this side 1: the median of the rounds, in each of which both had a turn."""
        pairs = zip(self.rounds[side], self.rounds[PAYLOAD], strict=True)
        return statistics.median(theirs["seconds"] / ours["seconds"] for theirs, ours in pairs)

    @property
    def memory_above_interpreter_mib(self) -> float:
        return (self.median(PAYLOAD, "peak_bytes") - self.median(INTERPRETER, "peak_bytes")) / MIB


def run(case: Case, rounds: int, python: str, scratch: pathlib.Path) -> Result:
    """Measures all sides.

    Raises:
        SystemExit: there is too little room on the disk.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    check_room(case.size, scratch)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = pathlib.Path(name)
        block = os.urandom(MIB)
        with (folder / "input").open("wb") as file:
            for start in range(0, case.size, MIB):
                file.write(block[: case.size - start])
        certificate = str(self_signed(folder)) if case.tls else ""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        wanted = (str(folder / "input"), certificate, theirs)
        server = context.Process(target=serve, args=wanted, daemon=True)
        server.start()
        try:
            url = f"http{'s' if case.tls else ''}://127.0.0.1:{ours.recv()}"
            spec = payload_spec(url, case.size)
            ours.send_bytes(spec)
            ours.recv()
            # Of curl and of Python's ssl alike.
            trust = {"SSL_CERT_FILE": certificate} if certificate else {}
            return Result(case, rounds_of(python, url, spec, folder, rounds, trust))
        finally:
            server.terminate()
            server.join()


def rounds_of(
    python: str, url: str, spec: bytes, folder: pathlib.Path, rounds: int, trust: dict[str, str]
) -> dict[str, list[dict[str, float]]]:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder), **trust}
    # Without site-packages, as a machine starts it (functions/execution/machine_command.py).
    job = [python, "-ES", "-m", "ec2_payload.run_job", f"{url}/spec", hashlib.sha256(spec).hexdigest()]
    sides = {INTERPRETER: [python, "-ES", "-c", "pass"], PAYLOAD: job}
    if shutil.which("curl"):
        sides[CURL] = baseline(url, folder, hashing=False)
        if shutil.which("openssl"):
            sides[CURL_HASHING] = baseline(url, folder, hashing=True)
    results: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(rounds):
        for side, command in sorted(sides.items(), reverse=number % 2 == 1):  # neither side always runs first
            results[side].append(measure(command, environment))
    return results


def check_room(size: int, folder: pathlib.Path) -> None:
    """The file that is served, the one that arrives, and the output.

    Raises:
        SystemExit: they do not fit.
    """
    wanted, free = 3 * size + SPARE_BYTES, shutil.disk_usage(folder).free
    if free < wanted:
        told = f"{readable(size)} want {readable(wanted)} of room in {folder}, which has {readable(free)}"
        raise SystemExit(f"{told}: take a smaller --size, or another --scratch")


def readable(size: int) -> str:
    """Bytes as `128 MiB`, `1 GiB`, `4.9 GiB`."""
    if size < 1 << 30:
        return f"{size / MIB:g} MiB"
    return f"{size / (1 << 30):.1f} GiB".replace(".0 ", " ")


def figures_of(result: Result) -> list[Figure]:
    name = f"payload {result.case.name}"
    memory = Figure(
        f"{name}: memory above the interpreter's",
        result.memory_above_interpreter_mib,
        "MiB",
        goal=Goal(MEMORY_GOAL_MIB),
        note="peak; the same for every size",
        spread=0.05,
    )
    speeds = [speed_of(result, side) for side in (CURL, CURL_HASHING) if side in result.rounds]
    return [memory, *speeds, *([processor_time_of(result)] if CURL_HASHING in result.rounds else [])]


def speed_of(result: Result, side: str) -> Figure:
    hashing = side == CURL_HASHING
    ours = result.speeds(PAYLOAD)
    return Figure(
        f"payload {result.case.name}: speed against {side}",
        statistics.median(ours),
        "MiB/s",
        baseline=statistics.median(result.speeds(side)),
        goal=Goal(1.0 if hashing else SPEED_GOAL, at_least=True),
        note="the same, and openssl's SHA-256 of input and output" if hashing else "without any SHA-256",
        spread=spread_of(ours),
        paired_ratio=result.speed_against(side),
    )


def processor_time_of(result: Result) -> Figure:
    """Hardly disturbed by whatever else runs on the machine."""
    pairs = zip(result.rounds[PAYLOAD], result.rounds[CURL_HASHING], strict=True)
    ratios = [ours["cpu_seconds"] / theirs["cpu_seconds"] for ours, theirs in pairs]
    return Figure(
        f"payload {result.case.name}: processor time against {CURL_HASHING}",
        result.median(PAYLOAD, "cpu_seconds"),
        "s",
        baseline=result.median(CURL_HASHING, "cpu_seconds"),
        goal=Goal(PROCESSOR_GOAL),
        note="the script's included",
        spread=spread_of(ratios),
        paired_ratio=statistics.median(ratios),
    )


def size_in_bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMG]?)(?:i?B)?", text)
    if not found:
        raise argparse.ArgumentTypeError("a size like 512, 100MiB, 1GiB")
    return int(found.group(1)) * UNITS[found.group(2)]


def main() -> None:
    arguments = parser("payload", __doc__)
    arguments.add_argument("--size", type=size_in_bytes, nargs="+")
    arguments.add_argument("--gib", type=int, metavar="N", help="one file of (almost) N GiB, in the place of --size")
    arguments.add_argument("--rounds", type=int)
    arguments.add_argument("--python", default=sys.executable, help="interpreter that runs the payload")
    arguments.add_argument(
        "--scratch", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder for the files"
    )
    options = arguments.parse_args()
    program = Program("payload")
    sizes = options.size or list(map(size_in_bytes, QUICK_SIZES if options.quick else SIZES))
    if options.gib:
        sizes = [(options.gib << 30) - GIB_MARGIN]
    results = []
    for case in (Case(size, tls) for size in sizes for tls in (False, True)):
        rounds = options.rounds or (FEW_ROUNDS if options.quick or case.size >= LARGE else ROUNDS)
        program.say(f"{case.name}, {rounds} rounds")
        results.append(run(case, rounds, options.python, options.scratch))
    figures = [figure for result in results for figure in figures_of(result)]
    program.publish(options.json, figures, interpreter=options.python, results=[asdict(result) for result in results])


if __name__ == "__main__":
    main()
