"""What a burst of jobs comes to under AWS's request quotas, in virtual time: the production code on a simulated AWS.

All jobs are submitted at once. The *bound* is what no program could beat: EC2 launches a thousand instances at once
and two a second from then on, so the last of n machines cannot be launched before (n - 1000) / 2 seconds; with fewer
slots than jobs, jobs come in rounds. One job's own time, measured in the same simulation, comes on top. The makespan
runs from the submission to the last job's success.

What is assumed: a machine boots and its agent reports within the times of simulation.ec2.Pace, a script runs ten
seconds, a function takes OVERHEAD_MS beside its calls and each of those CALL_MS. SSM documents no rate for SendCommand
and GetCommandInvocation, so those are counted but not limited.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402  # found only by the line above when run by its path
from infra.config import StackConfig
from infra.workflow import DEFINITION, filled, limits
from simulation.clock import BEGINNING
from simulation.ec2 import INSTANCE_QUOTA
from simulation.handlers import FUNCTIONS
from simulation.lambdas import ignored
from simulation.payload import Script
from simulation.quotas import Quota
from simulation.stack import Stack
from simulation.world import World

# Request and instance token buckets, EC2 developer guide, "Request throttling for the Amazon EC2 API": size, refill a
# second.
QUOTAS = {
    "ec2:RunInstances": Quota(5, 2),
    INSTANCE_QUOTA: Quota(1000, 2),
    "ec2:TerminateInstances": Quota(100, 5),
    "ec2:DescribeInstances": Quota(100, 20),
    "ec2:CreateTags": Quota(100, 10),
}
CALL_MS = 12.0
OVERHEAD_MS = 5.0
# US dollars, eu-central-1, list prices as of 2025; an order of magnitude, not an invoice.
PER_TRANSITION = 0.025 / 1000
PER_INVOCATION = 0.20 / 1e6
PER_GB_SECOND = 0.0000133334  # arm64
FUNCTION_GB = 0.25
PER_READ = 0.1525 / 1e6
PER_WRITE = 0.7625 / 1e6
PER_MACHINE_SECOND = 0.0192 / 3600  # t4g.small
SCRIPT_SECONDS = 10.0
DAY = 86_400.0


@dataclass(frozen=True)
class Row:
    """One burst. Times in seconds, calls and transitions per job, cost in US dollars per job."""

    name: str
    jobs: int
    slots: int
    makespan_s: float
    bound_s: float
    ratio: float
    calls: dict[str, float]
    invocations: float
    function_ms: float
    transitions: float
    cost_usd: float
    real_s: float


def burst(name: str, jobs: int, slots: int, batch: int | None, single_s: float, seed: int) -> Row:
    """Plays one burst; `batch` limits how many machines one call may ask for."""
    started = time.monotonic()
    stack = Stack(max_concurrent=slots, queue_timeout=int(DAY), quotas=QUOTAS, subnets=("subnet-a", "subnet-b"))
    with ExitStack() as while_playing:
        if batch is not None:
            while_playing.enter_context(patch("functions.jobs.serving.MAX_BATCH", batch))
        world = while_playing.enter_context(World(stack, definition(), seed=seed))
        for number in range(jobs):
            world.submit(number, b"given", "text", Script(SCRIPT_SECONDS), ignored)
        if not world.run_to_rest(DAY):
            raise RuntimeError(f"{name}, {jobs} jobs: not at rest after a day: {world.unrest()[:5]}")
        return row(name, jobs, slots, single_s, world, time.monotonic() - started)


def row(name: str, jobs: int, slots: int, single_s: float, world: World, real_s: float) -> Row:
    done = [job for job in world.ports.jobs.jobs.values() if job.status == "succeeded"]
    if len(done) != jobs:
        raise RuntimeError(f"{name}: {len(done)} of {jobs} jobs succeeded")
    ends = [event.at for job in done for event in job.timeline if event.event == "succeeded"]
    makespan = (datetime.fromisoformat(max(ends)) - BEGINNING).total_seconds()
    least = bound(jobs, slots, single_s) if single_s else makespan
    calls = {action: count / jobs for action, count in sorted(world.calls.by_action().items())}
    invocations = sum(world.lambdas.invoked.values()) / jobs
    function_ms = invocations * OVERHEAD_MS + sum(calls.values()) * CALL_MS
    transitions = world.ports.step_functions.transitions / jobs
    lived = [
        (datetime.fromisoformat(machine.terminated_at) - datetime.fromisoformat(machine.launched_at)).total_seconds()
        for job in done
        for machine in job.machines
        if machine.terminated_at
    ]
    cost = (
        transitions * PER_TRANSITION
        + invocations * PER_INVOCATION
        + function_ms / 1000 * FUNCTION_GB * PER_GB_SECOND
        + table_cost(calls)
        + sum(max(60.0, seconds) for seconds in lived) / jobs * PER_MACHINE_SECOND
    )
    return Row(
        name, jobs, slots, makespan, least, makespan / least, calls, invocations, function_ms, transitions, cost, real_s
    )


def bound(jobs: int, slots: int, single_s: float) -> float:
    """The least that a burst can take under the quotas and with so many slots, in seconds."""
    tokens = QUOTAS[INSTANCE_QUOTA]
    launches = max(0.0, (jobs - tokens.burst) / tokens.per_second)
    return max(launches + single_s, math.ceil(jobs / slots) * single_s)


def table_cost(calls: Mapping[str, float]) -> float:
    """Every item is below a kilobyte or a few; a strongly consistent read of up to 4 KB is one unit."""
    kinds = {"read": 0.0, "write": 0.0}
    for action, count in calls.items():
        if action.startswith("dynamodb:"):
            kinds["read" if action.endswith(("GetItem", "Query")) else "write"] += count
    return kinds["read"] * PER_READ + kinds["write"] * 2 * PER_WRITE  # a job's item grows over one kilobyte


def definition() -> Any:
    config = SimpleNamespace(max_attempts=3, boot_timeout_minutes=5, queue_timeout_minutes=int(DAY / 60))
    names: dict[str, str | int] = {name: name for name in FUNCTIONS}
    return filled(json.loads(DEFINITION.read_text()), {**names, **limits(cast("StackConfig", config))})


def table(rows: Sequence[Row]) -> str:
    heading = (
        f"{'':30}{'jobs':>7}{'slots':>7}{'makespan s':>12}{'bound s':>9}{'ratio':>7}{'calls a job':>13}"
        f"{'invocations':>13}{'ms':>7}{'transitions':>13}{'US$ a job':>11}{'real s':>8}"
    )
    lines = [heading]
    lines += [
        f"{row.name:30}{row.jobs:>7}{row.slots:>7}{row.makespan_s:>12.0f}{row.bound_s:>9.0f}{row.ratio:>7.2f}"
        f"{sum(row.calls.values()):>13.1f}{row.invocations:>13.1f}{row.function_ms:>7.0f}{row.transitions:>13.1f}"
        f"{row.cost_usd:>11.5f}{row.real_s:>8.0f}"
        for row in rows
    ]
    actions = sorted({action for row in rows for action in row.calls})
    lines += ["", f"{'calls a job':40}" + "".join(f"{f'{row.jobs} {row.name[:9]}':>17}" for row in rows)]
    lines += [f"{action:40}" + "".join(f"{row.calls.get(action, 0):>17.2f}" for row in rows) for action in actions]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "burst.json")
    options = parser.parse_args()
    single = burst("one job", 1, 1, None, 0.0, options.seed)
    rows = [single]
    for jobs in options.jobs:
        rows.append(burst("one leader for all", jobs, jobs, None, single.makespan_s, options.seed))
        print(table(rows[-1:]).splitlines()[1], flush=True)
        if jobs <= 1_000:
            rows.append(burst("a call for each job", jobs, jobs, 1, single.makespan_s, options.seed))
    rows.append(burst("fifty slots", 1_000, 50, None, single.makespan_s, options.seed))
    print(table(rows))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    environment = {"python": platform.python_version(), "platform": platform.platform(), "seed": options.seed}
    written = {"environment": environment, "rows": [asdict(each) for each in rows]}
    options.json.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
