"""The sweeper of a stack that has nothing special about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from functions.aws.sweep_position import DynamoSweepPosition
from functions.cleanup.deletion import DeletedJobs, Purger
from functions.cleanup.sweeper import Sweeper
from functions.costs.pricing import Prices
from functions.execution.ports import Machines
from functions.scheduling.launch_queue import LaunchQueue
from simulation.metrics import SimulatedMetrics
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.machine_log import FakeMachineLog
from tests.functions.fakes.tables import in_memory

GRACE, DEADLINE = timedelta(minutes=2), timedelta(hours=2)


def a_sweeper(jobs: DeletedJobs, queue: LaunchQueue, machines: Machines, **facts: Any) -> Sweeper:
    usual: dict[str, Any] = {
        "stack": "dev",
        "grace": GRACE,
        "machine_deadline": DEADLINE,
        "confirm_waits": (),
        "sleep": lambda _: None,
        "metrics": SimulatedMetrics(),
        "pool": None,
        "position": in_memory(DynamoSweepPosition),
        "purger": Purger(jobs, MemoryJobFiles(), FakeMachineLog()),
        "prices": Prices(),
    }
    return Sweeper(jobs=jobs, queue=queue, machines=machines, **usual | facts)
