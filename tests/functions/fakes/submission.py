"""The use cases behind the API, over tables and files in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from functions.aws.usage_table import DynamoUsageTable
from functions.scheduling.launch_queue import LaunchQueue
from functions.submission.submission import Submission
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, MemoryJobTable
from tests.functions.fakes.machine_log import FakeMachineLog
from tests.functions.fakes.tables import in_memory, new_machine_table, new_scheduling_table
from tests.functions.fakes.workflow import FakeWorkflow


@dataclass(frozen=True)
class MemorySubmission(Submission):
    jobs: MemoryJobTable
    files: MemoryJobFiles
    log: FakeMachineLog


def a_submission(
    jobs: MemoryJobTable | None = None, files: MemoryJobFiles | None = None, **settings: Any
) -> MemorySubmission:
    """With limits that tests reach easily, and JOB_ID for each new job, unless `settings` say otherwise."""
    table = jobs or MemoryJobTable()
    facts: dict[str, Any] = {"max_upload_bytes": 1000, "keep_days": 7, "new_id": lambda: JOB_ID} | settings
    return MemorySubmission(
        jobs=table,
        machines=new_machine_table(),
        files=files or MemoryJobFiles(),
        log=FakeMachineLog(),
        queue=LaunchQueue(new_scheduling_table(), FakeWorkflow()),
        **{"usage": in_memory(DynamoUsageTable)} | facts,
    )
