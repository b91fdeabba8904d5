"""What machines and jobs cost, in whole micro-USD: a sum of binary floats would not be what its parts are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from functions.jobs.job import Job, MachineReceipt

MICRO_PER_USD = 1_000_000
_HOUR = 3_600
# EC2 bills Linux machines by the second and for a minute at least, and their disks alike (AWS's announcement of
# October 2017); addresses are billed so as well.
LEAST_SECONDS = 60
# What one machine's job costs besides the machine: transitions, calls of functions, requests, the table's reads and
# writes. The sum of those rows in docs/costs.md, "Example bill".
REQUESTS = 380
# What a look at a machine at work costs, as the workflow takes one again and again: three transitions, two calls.
LOOK = 80
# Seconds to the first look; each later one comes a tenth later, up to the longest (infra/history.py bounds them).
FIRST_LOOK, LONGEST_LOOK = 60, 3_600


@dataclass(frozen=True)
class Prices:
    """Micro-USD an hour: `machines` by instance type and market, and what each machine has besides.

    `burst` is what a burstable type may cost on top while its processors are busy: surplus CPU credits.
    """

    machines: Mapping[str, Mapping[str, int]] = field(default_factory=dict, hash=False)
    disk: int = 0
    address: int = 0
    burst: Mapping[str, int] = field(default_factory=dict, hash=False)

    def machine(self, instance_type: str, market: str) -> int | None:
        """The machine alone; None where its price is not known."""
        return self.machines.get(instance_type, {}).get(market)

    def hourly(self, instance_type: str, market: str) -> int | None:
        """The machine with its disk and address."""
        alone = self.machine(instance_type, market)
        return None if alone is None else alone + self.disk + self.address

    def most_hourly(self, instance_type: str, market: str) -> int | None:
        """The same with its processors busy all the time."""
        hourly = self.hourly(instance_type, market)
        return None if hourly is None else hourly + self.burst.get(instance_type, 0)


@dataclass(frozen=True)
class Cost:
    """`machine_seconds` are those that are billed; `is_final` is whether nothing can come on top any more.

    `micro_usd` is the most that it can be, `least_micro_usd` the same without surplus CPU credits: how many of those
    were used, only the machine could report, where a script could forge it.
    """

    micro_usd: int
    least_micro_usd: int
    machine_seconds: int
    is_final: bool


def for_seconds(hourly: int, seconds: float) -> int:
    """What one machine costs in so many seconds, with everything else that its job needs; rounded up."""
    billed = _billed(seconds)
    return -(-hourly * billed // _HOUR) + REQUESTS + LOOK * looks(billed)


@cache
def looks(seconds: float) -> int:
    """How often the workflow has looked at a machine by then that is still at work."""
    count, interval = 0, FIRST_LOOK
    while seconds > interval:
        seconds -= interval
        interval = min(interval + interval // 10, LONGEST_LOOK)
        count += 1
    return count


def machine_cost(machine: MachineReceipt, moment: datetime) -> int | None:
    """What a machine has cost until its end, or until `moment` while it is alive; None where its price is not known.

    A burstable one as if its processors had been busy all the time.
    """
    hourly = machine.most_hourly_micro_usd
    return None if hourly is None else for_seconds(hourly, _lived(machine, moment))


def job_cost(job: Job, moment: datetime) -> Cost | None:
    """What a job's machines have cost; None where the price of one of them is not known."""
    costs = [machine_cost(machine, moment) for machine in job.machines]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return None
    least = sum(for_seconds(each.hourly_micro_usd or 0, _lived(each, moment)) for each in job.machines)
    is_final = job.status.is_terminal and all(machine.terminated_at for machine in job.machines)
    return Cost(sum(known), least, _billed_seconds(job.machines, moment), is_final)


def day_of(machine: MachineReceipt) -> str:
    """The UTC day that a machine counts for, that of its launch, such as `2026-01-31`."""
    return machine.launched_at[:10]


def usd(micro_usd: int) -> str:
    """As a decimal, such as `0.000842`."""
    return f"{Decimal(micro_usd) / MICRO_PER_USD:.6f}"


def _billed_seconds(machines: Iterable[MachineReceipt], moment: datetime) -> int:
    return sum(_billed(_lived(machine, moment)) for machine in machines)


def _billed(seconds: float) -> int:
    return max(LEAST_SECONDS, -int(-seconds // 1))


def _lived(machine: MachineReceipt, moment: datetime) -> float:
    end = datetime.fromisoformat(machine.terminated_at) if machine.terminated_at else moment
    return (end - datetime.fromisoformat(machine.launched_at)) / timedelta(seconds=1)
