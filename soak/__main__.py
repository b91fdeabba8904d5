"""Thousands of jobs of many owners through the local cloud, while everything that can go wrong there does.

Owners submit jobs of which some fail, and cancel, retry, copy and delete some, as soak/plan.py draws it from the seed.
Meanwhile every fault of /_local/faults is switched on and off (soak/faults.py), the functions' processes are killed
twice, and the whole emulator is restarted once with its state kept. In the end every job must have ended as it should,
with the right result; no machine, slot, queue entry or execution may be left, nor anything of deleted jobs; and the
ledger must be the sum of the receipts (soak/audit.py). The exit code is 1 when anything is not as it must be.
The seed repeats plans and faults, not which of them meet.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.figure import Figure
from benchmarks.program import RESULTS, Program, parser
from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from soak.audit import audit
from soak.faults import FaultSwitch, kill_function_workers
from soak.journey import Journey, Record
from soak.plan import JobPlan, make_plans
from soak.snapshot import Snapshot, accountable, settle, take

SAY_SECONDS = 5.0
SETTLE_SECONDS = 900.0  # three visits of the sweeper
# An agent that never comes costs a minute. With seven machines a job, chance alone does not use them up.
CONFIG = {
    "mayfly:bootTimeoutMinutes": "1",
    "mayfly:jobTimeoutMinutes": "10",
    "mayfly:maxConcurrentJobs": "12",  # fewer than there are owners, who have about one job each at a time
    "mayfly:maxAttempts": "7",
    "mayfly:maxOpenJobsPerOwner": "0",
    "mayfly:maxOwnerUploadGibPerDay": "0",
    "mayfly:payloadFolder": "soak/payload",
    "mayfly:script": '["./append.sh"]',
}


@dataclass
class Soak:
    """One run; `deadline` is of `time.monotonic`."""

    cloud: LocalCloud
    clients: dict[str, JobClient]
    deadline: float
    say: Callable[[str], None]
    record: Record = field(default_factory=Record)
    earlier_machines: dict[str, str] = field(default_factory=dict)
    restarts: list[str] = field(default_factory=list)

    def carry_out(self, plans: Sequence[JobPlan], faults: FaultSwitch) -> None:
        """A plan that goes wrong is a problem in the record, and the others go on."""
        to_come = [self._kill_functions, self._restart_emulator, self._kill_functions]
        quarter = len(plans) / 4
        with ThreadPoolExecutor(len(self.clients)) as pool:
            under_way = {pool.submit(self._carry_out, plan) for plan in plans}
            while under_way:
                _, under_way = wait(under_way, timeout=SAY_SECONDS)
                done = len(plans) - len(under_way)
                problems = len(self.record.problems)
                self.say(
                    f"{done:,} of {len(plans):,} plans done, {problems} problems; {', '.join(faults.now) or 'calm'}"
                )
                if to_come and done >= quarter * (4 - len(to_come)):
                    to_come.pop(0)()

    def _carry_out(self, plan: JobPlan) -> None:
        try:
            Journey(self.clients[plan.owner], plan, self.record, self.deadline).run()
        except Exception as error:  # noqa: BLE001 - whatever it is, a soak is there to find it
            self.record.problems.append(f"plan {plan.number} of {plan.owner}: {error!r}")
            self.say(self.record.problems[-1])

    def _kill_functions(self) -> None:
        with self.record.restart():
            self.restarts.append(f"killed {kill_function_workers(self.cloud.pid)} processes of functions")
        self.say(self.restarts[-1])

    def _restart_emulator(self) -> None:
        with JobClient(self.cloud.url) as client:
            self.earlier_machines |= accountable(client.machines())
        began = time.monotonic()
        with self.record.restart():
            self.record.interrupt()
            self.cloud.restart()
            self.record.interrupt()
        interrupted = sum(job.interrupted for job in self.record.jobs)
        took = time.monotonic() - began
        self.restarts.append(f"restarted the emulator in {took:.1f} s, with {interrupted} open jobs")
        self.say(self.restarts[-1])


def main() -> int:
    arguments = parser("soak", __doc__)
    arguments.add_argument("--jobs", type=int, help="plans, each of one job or two (default: 2,000)")
    arguments.add_argument("--owners", type=int, default=20, help="default: %(default)s")
    arguments.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    arguments.add_argument(
        "--minutes", type=float, default=90.0, help="what has not ended by then is a problem (default: %(default)g)"
    )
    options = arguments.parse_args()
    owners = [f"soak-{number:02}" for number in range(1, options.owners + 1)]
    plans = make_plans(options.seed, options.jobs or (60 if options.quick else 2_000), owners)
    program = Program("soak")
    program.say(f"seed {options.seed}: {len(plans):,} plans of {len(owners)} owners; starting the local cloud")
    with (
        LocalCloud.start(config=CONFIG, more_users=owners, log_dir=RESULTS / "soak", keeps_state=True) as cloud,
        ExitStack() as stack,
    ):
        clients = {name: stack.enter_context(JobClient(cloud.url, user=name)) for name in owners}
        cloud.warm_up()
        began = time.monotonic()
        soak = Soak(cloud, clients, began + options.minutes * 60, program.say)
        with FaultSwitch(stack.enter_context(JobClient(cloud.url)), options.seed) as faults:
            soak.carry_out(plans, faults)
        took = time.monotonic() - began
        deleted = {job.id: job.deleted for job in soak.record.jobs if job.deleted is not None}
        settling = settle(cloud, deleted, SETTLE_SECONDS, program.say)
        snapshot = take(cloud, list(clients.values()), deleted, soak.earlier_machines)
    problems = [
        *([f"the faults stopped: {faults.error!r}"] if faults.error else []),
        *soak.record.problems,
        *(f"unexplained answer: {what}" for what in soak.record.unexplained()),
        *audit(soak.record.jobs, snapshot),
    ]
    figures = {
        "minutes until the last plan was done": round(took / 60, 1),
        "seconds from then to the last machine's end": round(settling, 1),
        **measured(soak.record, snapshot),
        "faults switched on": faults.times.total(),
        "problems": len(problems),
    }
    made = [Figure(f"soak: {what}", value, "") for what, value in figures.items()]
    program.publish(options.json, made, seed=options.seed, problems=problems, restarts=soak.restarts)
    print(*soak.restarts, *(f"{what}: {value:,}" for what, value in figures.items()), sep="\n")
    print(*(f"PROBLEM {problem}" for problem in problems), sep="\n")
    print(f"seed {options.seed}; all of this is in {options.json}, the emulator's log in {RESULTS / 'soak'}")
    return 1 if problems else 0


def measured(record: Record, snapshot: Snapshot) -> dict[str, float]:
    documents = [found for job in record.jobs if (found := job.deleted or snapshot.jobs.get(job.id)) is not None]
    events = Counter(entry["event"] for document in documents for entry in document["timeline"])
    seconds = sorted(job.seconds for job in record.jobs if job.seconds is not None) or [0.0]
    return {
        "jobs": len(record.jobs),
        **{f"jobs {status}": count for status, count in Counter(each["status"] for each in documents).items()},
        "seconds from submission to end, p50": round(statistics.median(seconds), 1),
        "seconds from submission to end, p95": round(seconds[int(0.95 * (len(seconds) - 1))], 1),
        "machines": len(snapshot.charged),
        "machines that no run was given": len(snapshot.unassigned),
        "machines lost": events["machine_lost"],
        **dict(sorted(Counter(record.events).items())),
        "requests answered 5xx or not at all": len(record.lost),
        "ledger in USD": sum(snapshot.ledger.values()) / 1e6,
    }


if __name__ == "__main__":
    sys.exit(main())
