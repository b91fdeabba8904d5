"""What burstable machines cost on top of their price, and that caps hold whatever a script does with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.costs.budget import Spending
from functions.jobs.clock import now, rfc3339, utc_now
from functions.jobs.errors import JobCostCap
from functions.jobs.job import Job, MachineReceipt
from functions.scheduling.ports import Candidate
from infra.burstable import surplus_usd_an_hour
from infra.config import ConfigError, StackConfig
from infra.machines import machine_deadline_minutes
from infra.spending import spending_settings
from tests.functions.scheduling.waiting_queue import WaitingQueue
from tests.infra.configured import DEV

CONFIG = replace(DEV, instance_types=("t4g.small",), allowed_instance_types=(), markets=("on-demand",))
DISK_AND_ADDRESS = Decimal("0.0952") * 16 / 730 + Decimal("0.005")


@dataclass(frozen=True)
class CreditBill:
    """EC2's bill for one machine, minute by minute, as its user guide explains it.

    "Key concepts for burstable performance instances" has the credits earned an hour and the processors; "Unlimited
    mode concepts" that T3, T3a and T4g start with no credits, and that spent surplus credits which were not paid down
    are charged at the end, or before, where they are more than a day's.
    """

    usd_an_hour: Decimal
    processors: int
    earned_an_hour: Decimal
    usd_a_processor_hour: Decimal

    def bill(self, usage: list[float]) -> Decimal:
        """`usage` is the part of all processors that was busy, of each minute that the machine lived."""
        balance, charged, day = Decimal(0), Decimal(0), self.earned_an_hour * 24
        for busy in usage:
            balance = min(day, balance + self.earned_an_hour / 60 - self.processors * Decimal(busy))
            if balance < -day:
                charged += -day - balance
                balance = -day
        surplus = charged + max(Decimal(0), -balance)
        return (self.usd_an_hour + DISK_AND_ADDRESS) * len(usage) / 60 + surplus / 60 * self.usd_a_processor_hour


SMALL = CreditBill(Decimal("0.0192"), 2, Decimal(24), Decimal("0.04"))


@pytest.mark.parametrize(
    ("kind", "usd"),
    [
        ("t4g.small", "0.064"),  # 2 processors, a baseline of 20 %, 0.04 USD
        ("t3.large", "0.07"),
        ("t3a.2xlarge", "0.24"),
        ("t2.xlarge", "0.155"),
        ("m6g.medium", "0"),
        ("trn1.2xlarge", "0"),
        ("t9g.small", None),
    ],
)
def test_surplus_credits_are_those_of_busy_processors_beyond_the_baseline(kind: str, usd: str | None) -> None:
    found = surplus_usd_an_hour(kind)
    assert (None if found is None else f"{found.normalize():f}") == usd


def test_a_burstable_type_whose_credits_are_not_known_has_no_price_under_a_cap() -> None:
    config = replace(CONFIG, instance_types=("t9g.small",), prices=("t9g.small on-demand 0.01",), max_job_usd="5")
    with pytest.raises(ConfigError, match=r"mayfly:prices has no price of t9g\.small"):
        spending_settings(config)


@given(st.lists(st.tuples(st.integers(1, 1500), st.floats(0, 1)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_no_use_of_a_machine_costs_more_than_is_reckoned_with(phases: list[tuple[int, float]]) -> None:
    usage = [busy for minutes, busy in phases for _ in range(minutes)]
    spending = Spending.from_json(spending_settings(CONFIG))
    reckoned = spending.prices.most_hourly("t4g.small", "on-demand")
    assert reckoned is not None
    assert SMALL.bill(usage) <= Decimal(reckoned) * len(usage) / 60 / 1_000_000 + Decimal("0.000001")


@pytest.mark.parametrize("minutes", [60, 2_760])
def test_busy_burstable_machines_never_cost_a_job_a_cent_more_than_its_cap(minutes: int) -> None:
    """Each lives until its deadline and ten minutes more, with every processor busy, and is followed by another."""
    config = replace(CONFIG, job_timeout_minutes=minutes, max_attempts=10)
    lived = machine_deadline_minutes(config) + 10
    bill = SMALL.bill([1.0] * lived)
    cap = 3 * bill  # room for three machines at the most
    job = carried_out(replace(config, max_job_usd=f"{cap + Decimal('0.1'):.6f}"), lived)
    assert len(job.machines) == 3
    assert bill * len(job.machines) <= cap + Decimal("0.11")
    fewer = carried_out(replace(config, max_job_usd=f"{cap - Decimal('0.011'):.6f}"), lived)
    assert bill * len(fewer.machines) <= cap - Decimal("0.011") + Decimal("0.01")


def carried_out(config: StackConfig, lived: int) -> Job:
    """The job once no further machine is launched for it."""
    spending = Spending.from_json(spending_settings(config))
    queue = WaitingQueue.of(1, spending=spending, candidates=(Candidate("t4g.small", "subnet-a", "on-demand"),))
    (run,) = queue.runs
    for attempt in range(1, config.max_attempts + 1):
        queue.enqueue(run, attempt=attempt)
        try:
            queue.launch(run, attempt=attempt)
        except JobCostCap:
            break
        slot = queue.table.slot(run)
        assert slot is not None
        ended = until(slot.machine, lived)
        queue.jobs.update(run.owner, run.job_id, lambda job, ended=ended: job.with_machine(ended))  # type: ignore[misc]
        queue.queue.release_slot(run, {ended.instance_id: ended})
    return queue.job(run)


def until(machine: MachineReceipt, minutes: int) -> MachineReceipt:
    return replace(machine, launched_at=rfc3339(utc_now() - timedelta(minutes=minutes))).ended(now(), "seen")
