"""What a job costs in function time and money, against the design that this one replaced.

`python -m benchmarks.original_design [--jobs 100] [--quick] [--json build/bench/original_design.json]` prints one table
and writes one JSON.

In the original design the table's event invoked one function for each job. It launched the machine, slept two minutes
for its boot, sent the command, slept two minutes for the script, and terminated the machine: whatever the job, and a
script of more than two minutes was killed. AWS bills a function that sleeps like one that works.

Modelled, in the original's favour: Lambda's smallest memory, the cheaper processor, no retries, 5 s for all of its
calls and waits on AWS besides the two sleeps, and no price for anything but function and machine. Mayfly's side is
measured in simulation/, where the orchestrator's own handlers and workflow run on a simulated AWS, by burst.py's
assumptions: a boot of 20 s, a script of 10 s. Prices are burst.py's, all services included.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass

from benchmarks.burst import PER_GB_SECOND, PER_INVOCATION, Case, Row, alone, complaints, machine_price, play
from benchmarks.figure import Figure, Goal
from benchmarks.program import Program, parser

JOBS, SEEDS, QUICK_SEEDS = 100, 50, 10
BILLED_GOAL, TIME_GOAL = 0.02, 0.5


@dataclass(frozen=True)
class BlockingDesign:
    """One function for each job that sleeps while the machine boots and while the script runs."""

    boot_sleep_s: float = 120.0
    script_sleep_s: float = 120.0
    calls_s: float = 5.0
    memory_gb: float = 0.125

    @property
    def seconds(self) -> float:
        """From the event to the machine's end: the function's whole run."""
        return self.boot_sleep_s + self.script_sleep_s + self.calls_s

    @property
    def billed_ms(self) -> float:
        return self.seconds * 1_000

    @property
    def function_usd(self) -> float:
        return self.seconds * self.memory_gb * PER_GB_SECOND + PER_INVOCATION

    @property
    def machine_usd(self) -> float:
        """It runs from its launch until the function terminates it."""
        return machine_price(self.boot_sleep_s + self.script_sleep_s)


ORIGINAL = BlockingDesign()


def figures_of(row: Row, alone_s: float, original: BlockingDesign = ORIGINAL) -> list[Figure]:
    """Of a burst, and of the slowest job of some that were alone."""
    orchestration = row.usd - row.usd_per_job["EC2"]
    return [
        Figure(
            "original design: functions' billed time a job",
            row.function_ms,
            "ms",
            baseline=original.billed_ms,
            goal=Goal(BILLED_GOAL),
            note="simulated: calls and pauses of all functions; against one function that sleeps",
        ),
        Figure(
            "original design: price of the orchestration a job",
            orchestration * 1e6,
            "µUSD",
            baseline=original.function_usd * 1e6,
            note="all services but the machine, most of it state transitions; against the sleeping function alone",
        ),
        Figure(
            "original design: whole price a job",
            row.usd * 1e6,
            "µUSD",
            baseline=(original.function_usd + original.machine_usd) * 1e6,
            goal=Goal(1.0),
            note="with the machine",
        ),
        Figure(
            "original design: submission to the machine's end",
            alone_s,
            "s",
            baseline=original.seconds,
            goal=Goal(TIME_GOAL),
            note="a script of 10 s, the slowest of some jobs alone; against fixed sleeps",
        ),
    ]


def main() -> None:
    arguments = parser("original_design", __doc__)
    arguments.add_argument("--jobs", type=int, default=JOBS)
    options = arguments.parse_args()
    program = Program("original_design")
    program.say("jobs alone")
    one = alone(range(QUICK_SEEDS if options.quick else SEEDS))
    program.say(f"{options.jobs} jobs at once")
    row = play(Case("in batches", options.jobs), one)
    figures = figures_of(row, one)
    program.publish(options.json, figures, model=asdict(ORIGINAL), row=asdict(row))
    if found := complaints([row]):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
