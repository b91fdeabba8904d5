"""Time and peak memory of the payload on one large file, beside `curl`, `cat` and `curl` doing the same.

`python benchmarks/payload.py [--size 1GiB] [--rounds 3] [--json build/bench/payload.json]` prints one table and writes
one JSON. Both sides talk to the same HTTP server on this machine, in another process, in turns, so that a change of
the machine's load meets both.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import multiprocessing
import os
import pathlib
import platform
import re
import shlex
import shutil
import socketserver
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
MIB = 1 << 20
MEMORY_GOAL_MIB = 64
SPEED_GOAL = 0.8
TEXT = "the text"
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


def serve(file: str, pipe: Connection) -> None:
    """The server process: sends its port, then takes the spec, then serves until it is terminated."""
    store = Store(("127.0.0.1", 0), Handler)
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


def baseline(url: str, folder: pathlib.Path) -> list[str]:
    """The shell's way; --expect100-timeout is not at work, the server answers at once."""
    (folder / "text").write_text(TEXT, encoding="utf-8")
    inside = shlex.quote(str(folder))
    steps = (
        f"cd {inside}",
        f"curl -sSf -o in {url}/input",
        "cat in text >out",
        f"curl -sSf -T out {url}/output",
        "rm in out",
    )
    return ["/bin/sh", "-c", " && ".join(steps)]


def run(size: int, rounds: int, python: str) -> dict[str, Any]:
    scratch = ROOT / "build" / "bench"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = pathlib.Path(name)
        block = os.urandom(MIB)
        with (folder / "input").open("wb") as file:
            for start in range(0, size, MIB):
                file.write(block[: size - start])
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        server = context.Process(target=serve, args=(str(folder / "input"), theirs), daemon=True)
        server.start()
        try:
            url = f"http://127.0.0.1:{ours.recv()}"
            spec = payload_spec(url, size)
            ours.send_bytes(spec)
            ours.recv()
            return rounds_of(python, url, spec, folder, rounds)
        finally:
            server.terminate()
            server.join()


def rounds_of(python: str, url: str, spec: bytes, folder: pathlib.Path, rounds: int) -> dict[str, Any]:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    job = [python, "-m", "ec2_payload.run_job", f"{url}/spec", hashlib.sha256(spec).hexdigest()]
    sides = {"bare interpreter": [python, "-c", "pass"], "payload": job}
    if shutil.which("curl"):
        sides["curl + cat + curl"] = baseline(url, folder)
    results: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(rounds):
        for side, command in sorted(sides.items(), reverse=number % 2 == 1):  # nobody always runs first
            results[side].append(measure(command, environment))
    return results


def summary(results: dict[str, list[dict[str, float]]], size: int) -> dict[str, Any]:
    rows: dict[str, Any] = {
        side: {key: statistics.median(one[key] for one in runs) for key in runs[0]} for side, runs in results.items()
    }
    for side, row in rows.items():
        if side != "bare interpreter":
            row["mib_per_second"] = size / MIB / row["seconds"]
    above = (rows["payload"]["peak_bytes"] - rows["bare interpreter"]["peak_bytes"]) / MIB
    ratios = [
        curl["seconds"] / ours["seconds"]
        for curl, ours in zip(results.get("curl + cat + curl", []), results["payload"], strict=False)
    ]
    return {
        "rows": rows,
        "memory_above_interpreter_mib": above,
        "memory_goal_met": above <= MEMORY_GOAL_MIB,
        "speed_against_curl": statistics.median(ratios) if ratios else None,
        "speed_goal_met": statistics.median(ratios) >= SPEED_GOAL if ratios else None,
    }


def show(result: dict[str, Any]) -> None:
    print(f"{'':20}{'seconds':>10}{'CPU s':>10}{'MiB/s':>10}{'peak MiB':>10}")
    for side, row in result["rows"].items():
        speed = f"{row['mib_per_second']:.0f}" if "mib_per_second" in row else ""
        peak = row["peak_bytes"] / MIB
        print(f"{side:20}{row['seconds']:>10.2f}{row['cpu_seconds']:>10.2f}{speed:>10}{peak:>10.1f}")
    print(f"memory above the interpreter: {result['memory_above_interpreter_mib']:.1f} MiB (goal {MEMORY_GOAL_MIB})")
    if result["speed_against_curl"] is not None:
        print(f"speed against curl: {result['speed_against_curl']:.2f} (goal {SPEED_GOAL})")


def size_in_bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMG]?)(?:i?B)?", text)
    if not found:
        raise argparse.ArgumentTypeError("a size like 512, 100MiB, 1GiB")
    return int(found.group(1)) * UNITS[found.group(2)]


def environment_of(python: str) -> dict[str, Any]:
    curl = shutil.which("curl")
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "python": version,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "curl": subprocess.run([curl, "-V"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
        if curl
        else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=size_in_bytes, default=size_in_bytes("1GiB"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the payload")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build" / "bench" / "payload.json")
    options = parser.parse_args()
    started = time.monotonic()
    results = run(options.size, options.rounds, options.python)
    result = summary(results, options.size)
    show(result)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "benchmark": "payload",
        "size_bytes": options.size,
        "rounds": results,
        **result,
        "environment": environment_of(options.python),
        "took_seconds": time.monotonic() - started,
    }
    options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
