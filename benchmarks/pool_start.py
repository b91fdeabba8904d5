"""Submit to script started, in the local cloud, with machines that wait in the pool and with new ones, side by side.

`python benchmarks/pool_start.py [--jobs 2] [--quick] [--json build/bench/pool_start.json]` prints one table and writes
one JSON. It shows what Mayfly leaves of what a pool saves, by two models of a boot whose figures others have published;
it says nothing about EC2's own times, which docs/machine-start.md has.

All jobs of one kind are submitted at once, when every function has a warm worker.
"""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figure import Figure, Goal  # noqa: E402  # found only by the line above when run by its path
from benchmarks.program import Program, parser  # noqa: E402
from localcloud.cloud import LocalCloud  # noqa: E402
from localcloud.function_settings import setting  # noqa: E402
from operations.job_client import Job, JobClient  # noqa: E402

KEEPER, LAUNCH = "mayfly-local-pool", "mayfly-local-launch"
TIMEOUT_SECONDS = 300.0
WARM_UP_SECONDS = 8.0
GOAL = 0.5


@dataclass(frozen=True)
class Boot:
    """Seconds until a machine is up, by published figures."""

    whose: str
    new_s: float
    restarted_s: float


BOOTS = (
    Boot("RunsOn", 25, 15),  # "Warm pools": ready in under so many seconds, as they come
    Boot("Depot", 40, 5),  # "Making EC2 boot time 8x faster": before and after tuning, disks read once among it
)
QUICK_BOOTS = (Boot("RunsOn / 5", 5, 3),)


@dataclass(frozen=True)
class Row:
    boot: Boot
    kind: str
    jobs: int
    p50_s: float  # submit → script started, by the job's own times
    slowest_s: float


def fill(cloud: LocalCloud, size: int) -> None:
    """Has the reconciler come until the whole pool waits."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
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
    job = client.wait(client.submit(b"a small file", f"{number}.txt", "and a text")["id"], TIMEOUT_SECONDS)
    if job["status"] != "succeeded":
        raise SystemExit(f"job {job['id']} has {job['status']}: {job['error']}")
    return job


def measure(client: JobClient, boot: Boot, kind: str, jobs: int) -> Row:
    with ThreadPoolExecutor(jobs) as threads:
        done = list(threads.map(lambda number: run_one(client, number), range(jobs)))
    for job in done:
        launched = next(entry["detail"] for entry in job["timeline"] if entry["event"] == "launched")
        if ("from the pool" in launched) is not (kind == "pool"):
            raise SystemExit(f"not what was to be measured: {launched}")
    taken = sorted(map(seconds_to_start, done))
    return Row(boot, kind, jobs, statistics.median(taken), taken[-1])


def warm(cloud: LocalCloud) -> None:
    """Functions whose settings changed start again."""
    cloud.warm_up()
    time.sleep(WARM_UP_SECONDS)


def side_by_side(boot: Boot, jobs: int) -> tuple[Row, Row]:
    """From the pool, and with new machines."""
    config = {"mayfly:poolSize": str(jobs)}
    with (
        LocalCloud.start(boot_seconds=boot.new_s, restart_seconds=boot.restarted_s, config=config) as cloud,
        JobClient(cloud.url, user="alice") as client,
    ):
        fill(cloud, jobs)
        warm(cloud)
        pooled = measure(client, boot, "pool", jobs)
        with setting(cloud, LAUNCH, "POOL_SIZE", "0"):
            warm(cloud)
            return pooled, measure(client, boot, "new", jobs)


def figure_of(pooled: Row, new: Row) -> Figure:
    boot = pooled.boot
    return Figure(
        f"pool: submit to script started, {boot.whose}'s boots",
        pooled.p50_s,
        "s",
        baseline=new.p50_s,
        goal=Goal(GOAL),
        note=f"modelled: {boot.new_s:g} s for a new machine, {boot.restarted_s:g} s from the pool; against new ones",
        spread=0.1,
    )


def main() -> None:
    options = parser("pool_start", __doc__)
    options.add_argument("--jobs", type=int, default=2)
    chosen = options.parse_args()
    program, pairs = Program("pool_start"), []
    for boot in QUICK_BOOTS if chosen.quick else BOOTS:
        program.say(f"boots of {boot.new_s:g} and {boot.restarted_s:g} s, as {boot.whose} has them")
        pairs.append(side_by_side(boot, chosen.jobs))
    print(f"{'boots':12}{'machines':10}{'jobs':>6}{'p50 s':>9}{'slowest s':>11}")
    for row in (row for pair in pairs for row in pair):
        print(f"{row.boot.whose:12}{row.kind:10}{row.jobs:>6}{row.p50_s:>9.2f}{row.slowest_s:>11.2f}")
    program.publish(
        chosen.json, [figure_of(*pair) for pair in pairs], rows=[asdict(row) for pair in pairs for row in pair]
    )


if __name__ == "__main__":
    main()
