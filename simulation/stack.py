"""What is configured of a stack, as far as a simulation of it needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.ec2 import Pace
from simulation.quotas import Quota


@dataclass(frozen=True)
class Stack:
    """Times in seconds.

    `room` is how many machines the account may have at once, `quotas` are AWS's request rates, `slowness` is how slowly
    AWS answers, 1 being usual, and `tail` the part of all calls that take up to two seconds. `max_attempts` and the
    other limits of the workflow are filled into its definition and not needed here.
    """

    max_concurrent: int = 4
    queue_timeout: int = 4 * 3600
    job_timeout: int = 3600
    transfer_allowance: int = 1800
    grace: int = 120
    machine_deadline: int = 110 * 60
    sweep_every: float = 300.0
    markets: tuple[str, ...] = ("on-demand",)
    instance_types: tuple[str, ...] = ("t4g.small", "m6g.medium")
    subnets: tuple[str, ...] = ("subnet-a",)
    pace: Pace = field(default_factory=Pace)
    room: int | None = None
    slowness: float = 1.0
    tail: float = 0.03
    quotas: Mapping[str, Quota] = field(default_factory=dict)
