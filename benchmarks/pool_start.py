"""Submit to script started, in the local cloud, with machines that wait in the pool and with new ones, side by side.

`python benchmarks/pool_start.py [--jobs 5] [--boot-seconds 25] [--json build/bench/pool_start.json]` prints one table
and writes one JSON. It shows what the pool leaves of a modelled boot: a new machine takes `--boot-seconds`, a stopped
one the share of it that localcloud/emulator/machines.py has, with its source. It says nothing about EC2's own times.

All jobs of one kind are submitted at once, after as many uncounted ones that warm the functions up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.environment import environment  # noqa: E402  # found only by the line above when run by its path
from localcloud.cloud import LocalCloud  # noqa: E402
from localcloud.emulator.machines import RESTART_SHARE  # noqa: E402
from localcloud.function_settings import setting  # noqa: E402
from localcloud.job_client import Job, JobClient  # noqa: E402

KEEPER, LAUNCH = "mayfly-local-pool", "mayfly-local-launch"
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Row:
    name: str
    jobs: int
    p50_s: float  # submit → script started, by the job's own times
    slowest_s: float


def fill(cloud: LocalCloud, size: int) -> None:
    """Has the keeper come until the whole pool waits."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with setting(cloud, KEEPER, "SETTLE_SECONDS", "0"):
        while ready(cloud) < size:
            if time.monotonic() > deadline:
                raise SystemExit("the pool did not fill")
            cloud.client("lambda").invoke(FunctionName=KEEPER, Payload=b"{}")
            time.sleep(0.5)


def ready(cloud: LocalCloud) -> int:
    answer = cloud.client("dynamodb").query(
        TableName=cloud.deployment.outputs["table"],
        KeyConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": "#pool"}},
    )
    return sum("is_ready" in item and "token" not in item for item in answer["Items"])


def seconds_to_start(job: Job) -> float:
    at = {entry["event"]: datetime.fromisoformat(entry["at"]) for entry in job["timeline"]}
    return (at["script_started"] - at["queued"]).total_seconds()


def run_one(client: JobClient, number: int) -> Job:
    job = client.wait(client.submit(b"a small file", f"{number}.txt", "and a text")["id"], PATIENCE_SECONDS)
    if job["status"] != "succeeded":
        raise SystemExit(f"job {job['id']} has {job['status']}: {job['error']}")
    return job


def measure(client: JobClient, name: str, jobs: int, *, from_pool: bool) -> Row:
    with ThreadPoolExecutor(jobs) as threads:
        done = list(threads.map(lambda number: run_one(client, number), range(jobs)))
    for job in done:
        launched = next(entry["detail"] for entry in job["timeline"] if entry["event"] == "launched")
        if ("from the pool" in launched) is not from_pool:
            raise SystemExit(f"not what was to be measured: {launched}")
    taken = sorted(map(seconds_to_start, done))
    return Row(name, jobs, statistics.median(taken), taken[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--boot-seconds", type=float, default=25.0)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "pool_start.json")
    options = parser.parse_args()
    before = environment(("ministack", "boto3"))
    config = {"mayfly:poolSize": str(options.jobs)}
    with (
        LocalCloud.start(boot_seconds=options.boot_seconds, config=config) as cloud,
        JobClient(cloud.url, user="alice") as client,
    ):
        for _ in range(2):  # the first time uncounted: a function whose settings changed has to start anew
            fill(cloud, options.jobs)
            pooled = measure(client, "from the pool", options.jobs, from_pool=True)
        with setting(cloud, LAUNCH, "POOL_SIZE", "0"):
            for _ in range(2):
                new = measure(client, "new machines", options.jobs, from_pool=False)
    print(f"{'':16}{'jobs':>6}{'p50 s':>9}{'slowest s':>11}")
    for row in (pooled, new):
        print(f"{row.name:16}{row.jobs:>6}{row.p50_s:>9.2f}{row.slowest_s:>11.2f}")
    ratio = pooled.p50_s / new.p50_s
    print(f"ratio of the medians {ratio:.2f}, of the modelled boots {RESTART_SHARE:.2f}")
    model: dict[str, Any] = {"boot_s": options.boot_seconds, "restart_share": RESTART_SHARE}
    rows = [asdict(row) for row in (pooled, new)]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps({"environment": before, "model": model, "rows": rows, "ratio": ratio}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
