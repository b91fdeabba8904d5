"""The sweeper of a stack that has nothing special about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from functions.cleanup.sweeper import Sweeper
from functions.execution.ports import Machines
from functions.jobs.ports import JobTable
from functions.scheduling.launch_queue import LaunchQueue

GRACE, DEADLINE = timedelta(minutes=2), timedelta(hours=2)


def a_sweeper(jobs: JobTable, queue: LaunchQueue, machines: Machines, **facts: Any) -> Sweeper:
    usual: dict[str, Any] = {
        "workflow": queue.workflow,
        "stack": "dev",
        "grace": GRACE,
        "machine_deadline": DEADLINE,
        "confirm_waits": (),
        "sleep": lambda _: None,
    }
    return Sweeper(jobs=jobs, queue=queue, machines=machines, **usual | facts)
