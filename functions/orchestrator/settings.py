"""The settings of each orchestrator function, from its environment.

Exactly these names are set: infra/triggers.py and sweeper.py set those of their functions; infra/steps.py reads here
which ones the others have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from functions.costs.budget import Spending
from functions.environment import Settings, listed


def _words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))  # words may have commas


@dataclass(frozen=True)
class StreamSettings(Settings):
    state_machine_arn: str
    stack: str


@dataclass(frozen=True)
class TableSettings(Settings):
    """For the steps that need the job table and nothing else."""

    jobs_table: str


@dataclass(frozen=True)
class LaunchSettings(Settings):
    jobs_table: str
    stack: str
    launch_template_id: str
    max_concurrent_jobs: int
    queue_timeout_seconds: int  # that a run may wait for a machine
    pool_size: int  # machines; whether there is a pool at all is all that is asked here
    markets: tuple[str, ...] = field(metadata={"parse": listed})
    instance_types: tuple[str, ...] = field(metadata={"parse": listed})
    subnet_ids: tuple[str, ...] = field(metadata={"parse": listed})
    spending: Spending = field(metadata={"parse": Spending.from_json})


@dataclass(frozen=True)
class DispatchSettings(Settings):
    jobs_table: str
    stack: str
    uploads_bucket: str
    outputs_bucket: str
    artifacts_bucket: str
    payload_key: str
    payload_sha256: str
    machine_log_group: str
    job_timeout_seconds: int  # that the script may run
    transfer_seconds: int  # further ones, for fetching the file and storing the result
    boot_timeout_seconds: int  # that a machine may take until it has its command
    script: tuple[str, ...] = field(metadata={"parse": _words})


@dataclass(frozen=True)
class InspectSettings(Settings):
    jobs_table: str
    job_timeout_seconds: int  # that the script may run
    boot_timeout_seconds: int  # that a machine may take until it has its command


@dataclass(frozen=True)
class RecordSettings(Settings):
    jobs_table: str
    outputs_bucket: str
    mayfly_version: str
    stack: str
    job_timeout_seconds: int  # that the script may run
    boot_timeout_seconds: int  # that a machine may take until it has its command


@dataclass(frozen=True)
class ReleaseSettings(Settings):
    jobs_table: str
    stack: str


@dataclass(frozen=True)
class SweepSettings(Settings):
    jobs_table: str
    stack: str
    state_machine_arn: str
    grace_seconds: int
    machine_deadline_seconds: int
    pool_size: int  # machines; as above
    uploads_bucket: str
    outputs_bucket: str
    artifacts_bucket: str
    machine_log_group: str
    spending: Spending = field(metadata={"parse": Spending.from_json})


@dataclass(frozen=True)
class PoolSettings(Settings):
    jobs_table: str
    stack: str
    launch_template_id: str
    instance_type: str
    pool_size: int
    grace_seconds: int
    ready_within_seconds: int
    settle_seconds: int  # after which no call to stop a machine is on its way any more
    subnet_ids: tuple[str, ...] = field(metadata={"parse": listed})
