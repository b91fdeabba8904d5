"""Submit to succeeded in the local cloud with machines that boot at once: what Mayfly and the emulator take together.

`python benchmarks/pipeline.py [--sequential 20] [--concurrent 50] [--json build/bench/pipeline.json]` prints one table
and writes one JSON. A few jobs go ahead, uncounted, so that every function has a warm worker; the first of the
concurrent jobs still start workers of their own, as functions on AWS would start environments.

CPU is that of the emulator and of all its processes (functions, machines), by /proc, so only on Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.environment import environment  # noqa: E402  # found only by the line above when run by its path
from localcloud.cloud import LocalCloud  # noqa: E402
from localcloud.job_client import Job, JobClient  # noqa: E402

WARM_UP = 3
PATIENCE_SECONDS = 300.0
VERSIONS = ("ministack", "pulumi", "pulumi-aws", "boto3", "fastapi", "mangum", "pydantic")


@dataclass(frozen=True)
class Row:
    name: str
    jobs: int
    p50_s: float  # submit → succeeded, by the job's own times
    p95_s: float
    slowest_s: float
    wall_s: float
    cpu_per_job_s: float | None


def cpu_seconds(root: int) -> float | None:
    """CPU of a process, its living descendants and all they have waited for; None where there is no /proc."""
    if not Path("/proc/self/stat").exists():
        return None
    ticks: dict[int, float] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # ended while we looked
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    family, grew = {root}, True
    while grew:
        children = {pid for pid, parent in parents.items() if parent in family} - family
        family |= children
        grew = bool(children)
    return sum(ticks.get(pid, 0.0) for pid in family)


def seconds_to_success(job: Job) -> float:
    times = {entry["event"]: datetime.fromisoformat(entry["at"]) for entry in job["timeline"]}
    return (times["succeeded"] - times["queued"]).total_seconds()


def run_one(client: JobClient, number: int) -> Job:
    job = client.submit(b"a small file", f"{number}.txt", "and a text")
    job = client.wait(job["id"], PATIENCE_SECONDS)
    if job["status"] != "succeeded":
        raise SystemExit(f"job {job['id']} has {job['status']}: {job['error']}")
    return job


def measure(cloud: LocalCloud, client: JobClient, name: str, jobs: int, at_once: int) -> Row:
    cpu_before, started = cpu_seconds(cloud.pid), time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(lambda number: run_one(client, number), range(jobs)))
    wall = time.monotonic() - started
    cpu_after = cpu_seconds(cloud.pid)
    cpu = None if cpu_before is None or cpu_after is None else (cpu_after - cpu_before) / jobs
    taken = sorted(map(seconds_to_success, done))
    return Row(name, jobs, statistics.median(taken), quantile(taken, 0.95), taken[-1], wall, cpu)


def quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'':26}{'jobs':>6}{'p50 s':>9}{'p95 s':>9}{'slowest s':>11}{'wall s':>9}{'CPU s a job':>13}"]
    for row in rows:
        cpu = "n/a" if row.cpu_per_job_s is None else f"{row.cpu_per_job_s:.2f}"
        lines.append(
            f"{row.name:26}{row.jobs:>6}{row.p50_s:>9.2f}{row.p95_s:>9.2f}{row.slowest_s:>11.2f}{row.wall_s:>9.1f}{cpu:>13}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequential", type=int, default=20)
    parser.add_argument("--concurrent", type=int, default=50)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "pipeline.json")
    options = parser.parse_args()
    before = environment(VERSIONS)
    with LocalCloud.start() as cloud, JobClient(cloud.url, user="alice") as client:
        for number in range(WARM_UP):
            run_one(client, number)
        rows = [
            measure(cloud, client, "one at a time", options.sequential, 1),
            measure(cloud, client, "at once, workers starting", options.concurrent, options.concurrent),
            measure(cloud, client, "at once, workers warm", options.concurrent, options.concurrent),
        ]
    print(table(rows))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"environment": before, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
