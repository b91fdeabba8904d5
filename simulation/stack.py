"""What is configured of a stack, as far as a simulation of it needs to know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.ec2 import Pace
from simulation.quotas import Quota


@dataclass(frozen=True)
class Stack:
    """Times in seconds.

    `room` is how many machines the account may have at once, `scarce` the instance types that EC2 has none of, `quotas`
    are AWS's request rates, `slowness` is how slowly AWS answers, 1 being usual, and `tail` the part of all calls that
    take up to two seconds. `owner_cap` is what an owner's machines may cost a day, in micro-USD, 0 being any amount.
    `max_attempts` and the other limits of the workflow are filled into its definition and not
    needed here.
    """

    max_concurrent: int = 4
    queue_timeout: int = 4 * 3600
    job_timeout: int = 3600
    transfer_allowance: int = 1800
    grace: int = 120
    machine_deadline: int = 110 * 60
    sweep_every: float = 300.0
    boot_timeout: int = 300
    pool_size: int = 0
    ready_within: int = 600
    settle: int = 45
    keep_pool_every: float = 60.0
    markets: tuple[str, ...] = ("on-demand",)
    instance_types: tuple[str, ...] = ("t4g.small", "m6g.medium")
    allowed_types: tuple[str, ...] = ("c7g.large", "g5g.xlarge")
    subnets: tuple[str, ...] = ("subnet-a",)
    pace: Pace = field(default_factory=Pace)
    room: int | None = None
    scarce: frozenset[str] = frozenset()
    slowness: float = 1.0
    tail: float = 0.03
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    owner_cap: int = 0

    @property
    def spending(self) -> str:
        """As infra/spending.py writes it; the first type costs 0.0192 USD an hour, each further one twice as much."""
        kinds = (*self.instance_types, *self.allowed_types)
        machines = {kind: {"on-demand": 19_200 << at, "spot": 19_200 << at} for at, kind in enumerate(kinds)}
        return json.dumps(
            {
                "prices": {"machines": machines, "disk": 2_087, "address": 5_000},
                "caps": {"job": 0, "owner_a_day": self.owner_cap, "stack_a_day": 0},
                "instance_types": self.instance_types,
                "markets": self.markets,
                "machine_deadline_seconds": self.machine_deadline,
                "max_attempts": 3,
            }
        )
