"""Caps on what a day's machines may cost, for one owner and for the stack, and on what one job may.

A machine counts for the UTC day on which it was launched. Only the holder of the launch lease launches
(launch_step.py). Before each launch it adds up what the day's machines have cost and what the machines alive may still
cost. A slot reserves the most that its machine may cost; when the machine ends, the ledger's entry of what it did cost
replaces the reservation. So a burst cannot run past a cap: docs/decisions/0012-a-slot-reserves-and-the-ledger-keeps.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from functions.costs.ports import DayLedger, HeldMachine, MachineCosts
from functions.costs.pricing import Prices, day_of, for_seconds, job_cost, machine_cost, usd
from functions.jobs import clock
from functions.jobs.errors import JobCostCap, SpendingCap
from functions.jobs.job import Job

# A machine's own timer runs from when it has booted, and to end takes a moment too.
BOOT_AND_END = timedelta(minutes=10)


def today() -> str:
    return clock.now()[:10]


@dataclass(frozen=True)
class Caps:
    """Micro-USD; 0 is none."""

    job: int = 0
    owner_a_day: int = 0
    stack_a_day: int = 0


@dataclass(frozen=True)
class Estimate:
    """In micro-USD: the prices an hour of the machine that is asked for first, and what a job may cost at most.

    `most_hourly` is what that hour may cost where the machine is burstable and its processors are busy.
    """

    instance_type: str
    market: str
    machine_hourly: int
    hourly: int
    most_hourly: int
    most: int


@dataclass(frozen=True)
class Spending:
    """What may be launched, what that costs, and what it may cost at most.

    `machine_deadline` is how old a machine gets at most.
    """

    prices: Prices = field(default_factory=Prices)
    caps: Caps = Caps()
    instance_types: Sequence[str] = ()
    markets: Sequence[str] = ()
    machine_deadline: timedelta = timedelta(0)
    max_attempts: int = 1

    @staticmethod
    def from_json(text: str) -> Spending:
        """Out of what infra/spending.py writes.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        known = json.loads(text)
        return Spending(
            prices=Prices(**known["prices"]),
            caps=Caps(**known["caps"]),
            instance_types=tuple(known["instance_types"]),
            markets=tuple(known["markets"]),
            machine_deadline=timedelta(seconds=known["machine_deadline_seconds"]),
            max_attempts=known["max_attempts"],
        )

    @property
    def has_day_caps(self) -> bool:
        return bool(self.caps.owner_a_day or self.caps.stack_a_day)

    def most(self, requested_type: str | None = None) -> int | None:
        """The most that the next machine may cost, in micro-USD; None where no price is known."""
        known = [
            price
            for kind in ([requested_type] if requested_type else self.instance_types)
            for market in self.markets
            if (price := self.prices.most_hourly(kind, market)) is not None
        ]
        return self.cost_until_deadline(max(known)) if known else None

    def cost_until_deadline(self, hourly: int) -> int:
        """The most that a machine costs which lives until its deadline, in micro-USD; `hourly` is its price."""
        return for_seconds(hourly, (self.machine_deadline + BOOT_AND_END).total_seconds())

    def estimate(self) -> Estimate | None:
        """None where the price is not known."""
        if not self.instance_types or not self.markets:
            return None
        kind, market = self.instance_types[0], self.markets[0]
        alone, hourly, most = self.prices.machine(kind, market), self.prices.hourly(kind, market), self.most()
        most_hourly = self.prices.most_hourly(kind, market)
        if alone is None or hourly is None or most_hourly is None or most is None:
            return None
        all_attempts = most * self.max_attempts
        return Estimate(kind, market, alone, hourly, most_hourly, min(all_attempts, self.caps.job or all_attempts))

    def check_job(self, job: Job) -> None:
        """Raises JobCostCap: with one more machine the job might cost more than a job may."""
        most, spent = self.most(job.overrides.instance_type), job_cost(job, clock.utc_now())
        so_far = spent.micro_usd if spent else 0
        if self.caps.job and most is not None and so_far + most > self.caps.job:
            raise JobCostCap(
                f"This job has cost {usd(so_far)} USD, and another machine may cost up to {usd(most)} USD; "
                f"a job may cost {usd(self.caps.job)} USD."
            )

    def check_day(self, table: MachineCosts, owner: str, requested_type: str | None = None) -> None:
        """Raises SpendingCap: no machine of the owner's could be launched today any more."""
        if not self.has_day_caps:
            return
        refusal = Budget.of_today(self, table, None if self.caps.stack_a_day else owner).refusal(owner, requested_type)
        if refusal is not None:
            raise SpendingCap(refusal, field="job_id")


class AdmissionDecision(StrEnum):
    GRANTED = "granted"
    HELD = "held"  # there will be room once machines have ended, if they turn out to cost less than they may
    REFUSED = "refused"  # there will be none today


@dataclass
class Budget:
    """What is left of the caps, by owner and in micro-USD.

    `spent` is what the day's machines have cost up to now, `reserved` what those alive may cost beyond that.
    """

    spending: Spending
    spent: Counter[str]
    reserved: Counter[str]
    held: set[str] = field(default_factory=set)  # owners with a run that waits for machines to end
    is_held: bool = False  # whether a run waits because of the stack's cap

    @staticmethod
    def of_today(spending: Spending, table: MachineCosts, owner: str | None = None) -> Budget:
        """Reads slots, then the ledger: a slot is freed only after its charge is written, so no machine is missed."""
        slots = table.slots()
        return Budget.of(spending, slots, table.ledger(today(), owner), clock.utc_now())

    @staticmethod
    def of(spending: Spending, slots: Iterable[HeldMachine], ledger: DayLedger, moment: datetime) -> Budget:
        budget = Budget(spending, Counter(ledger.spent), Counter())
        for slot in slots:
            machine, so_far = slot.machine, machine_cost(slot.machine, moment)
            is_counted = machine.instance_id in ledger.machines or day_of(machine) != ledger.day
            if so_far is None or machine.most_hourly_micro_usd is None or is_counted:
                continue
            budget.spent[slot.run.owner] += so_far
            at_most = spending.cost_until_deadline(machine.most_hourly_micro_usd)
            budget.reserved[slot.run.owner] += max(0, at_most - so_far)
        return budget

    def admit(self, owner: str, requested_type: str | None = None) -> AdmissionDecision:
        """Whether the next machine may be launched for an owner; admitting it reserves the most that it may cost.

        Call it in fair order. No cheaper entry overtakes: once an owner is held, none of that owner's later entries is
        admitted, and once the stack's cap holds an entry, no later entry at all.
        """
        if self.refusal(owner, requested_type) is not None:
            return AdmissionDecision.REFUSED
        most = self.spending.most(requested_type) or 0
        caps, stack = self.spending.caps, self.spent.total() + self.reserved.total()
        self.is_held = self.is_held or _is_over(caps.stack_a_day, stack + most)
        if self.is_held or owner in self.held or _is_over(caps.owner_a_day, self._committed(owner) + most):
            self.held.add(owner)
            return AdmissionDecision.HELD
        self.reserved[owner] += most
        return AdmissionDecision.GRANTED

    def refusal(self, owner: str, requested_type: str | None = None) -> str | None:
        """Why no machine can be launched for an owner today, in words for that owner; None if one can."""
        caps, most = self.spending.caps, self.spending.most(requested_type) or 0
        for whose, cap, spent in (
            ("Your", caps.owner_a_day, self.spent[owner]),
            ("This stack's", caps.stack_a_day, self.spent.total()),
        ):
            if _is_over(cap, spent + most):
                return (
                    f"{whose} machines have cost {usd(spent)} USD today, and another may cost up to {usd(most)} USD; "
                    f"{usd(cap)} USD a day are allowed. The next day begins at 00:00 UTC."
                )
        return None

    def _committed(self, owner: str) -> int:
        return self.spent[owner] + self.reserved[owner]


def _is_over(cap: int, amount: int) -> bool:
    return bool(cap) and amount > cap
