"""The settings of each orchestrator function, from its environment.

Exactly these names are set: infra/triggers.py, sweeper.py and warm_pool.py set those of their functions, infra/steps.py
the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from functions.costs.budget import Spending

Env = Mapping[str, str]


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


@dataclass(frozen=True)
class StreamSettings:
    state_machine_arn: str
    stack: str

    @staticmethod
    def from_env(env: Env) -> StreamSettings:
        return StreamSettings(env["STATE_MACHINE_ARN"], env["STACK"])


@dataclass(frozen=True)
class TableSettings:
    """For the steps that need the job table and nothing else."""

    jobs_table: str

    @staticmethod
    def from_env(env: Env) -> TableSettings:
        return TableSettings(env["JOBS_TABLE"])


@dataclass(frozen=True)
class LaunchSettings:
    jobs_table: str
    stack: str
    launch_template_id: str
    markets: tuple[str, ...]
    instance_types: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    max_concurrent_jobs: int
    queue_timeout: int  # seconds that a run may wait for a machine
    spending: Spending
    pool_size: int  # machines; whether there is a pool at all is all that is asked here

    @staticmethod
    def from_env(env: Env) -> LaunchSettings:
        return LaunchSettings(
            jobs_table=env["JOBS_TABLE"],
            stack=env["STACK"],
            launch_template_id=env["LAUNCH_TEMPLATE_ID"],
            markets=_listed(env["MARKETS"]),
            instance_types=_listed(env["INSTANCE_TYPES"]),
            subnet_ids=_listed(env["SUBNET_IDS"]),
            max_concurrent_jobs=int(env["MAX_CONCURRENT_JOBS"]),
            queue_timeout=int(env["QUEUE_TIMEOUT_SECONDS"]),
            spending=Spending.from_json(env["SPENDING"]),
            pool_size=int(env["POOL_SIZE"]),
        )


@dataclass(frozen=True)
class DispatchSettings:
    jobs_table: str
    stack: str
    uploads_bucket: str
    outputs_bucket: str
    artifacts_bucket: str
    payload_key: str
    payload_sha256: str
    machine_log_group: str
    script: tuple[str, ...]
    job_timeout: int  # seconds that the script may run
    transfer_allowance: int  # further seconds for fetching the file and storing the result
    boot_timeout: int  # seconds that a machine may take until it has its command

    @staticmethod
    def from_env(env: Env) -> DispatchSettings:
        return DispatchSettings(
            jobs_table=env["JOBS_TABLE"],
            stack=env["STACK"],
            uploads_bucket=env["UPLOADS_BUCKET"],
            outputs_bucket=env["OUTPUTS_BUCKET"],
            artifacts_bucket=env["ARTIFACTS_BUCKET"],
            payload_key=env["PAYLOAD_KEY"],
            payload_sha256=env["PAYLOAD_SHA256"],
            machine_log_group=env["MACHINE_LOG_GROUP"],
            script=tuple(json.loads(env["SCRIPT"])),  # words may have commas
            job_timeout=int(env["JOB_TIMEOUT_SECONDS"]),
            transfer_allowance=int(env["TRANSFER_SECONDS"]),
            boot_timeout=int(env["BOOT_TIMEOUT_SECONDS"]),
        )


@dataclass(frozen=True)
class InspectSettings:
    jobs_table: str
    job_timeout: int  # seconds that the script may run
    boot_timeout: int  # seconds that a machine may take until it has its command

    @staticmethod
    def from_env(env: Env) -> InspectSettings:
        return InspectSettings(env["JOBS_TABLE"], int(env["JOB_TIMEOUT_SECONDS"]), int(env["BOOT_TIMEOUT_SECONDS"]))


@dataclass(frozen=True)
class RecordSettings:
    jobs_table: str
    outputs_bucket: str
    mayfly_version: str
    stack: str
    job_timeout: int  # seconds that the script may run
    boot_timeout: int  # seconds that a machine may take until it has its command

    @staticmethod
    def from_env(env: Env) -> RecordSettings:
        return RecordSettings(
            env["JOBS_TABLE"],
            env["OUTPUTS_BUCKET"],
            env["MAYFLY_VERSION"],
            env["STACK"],
            int(env["JOB_TIMEOUT_SECONDS"]),
            int(env["BOOT_TIMEOUT_SECONDS"]),
        )


@dataclass(frozen=True)
class ReleaseSettings:
    jobs_table: str
    stack: str

    @staticmethod
    def from_env(env: Env) -> ReleaseSettings:
        return ReleaseSettings(env["JOBS_TABLE"], env["STACK"])


@dataclass(frozen=True)
class SweepSettings:
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
    spending: Spending

    @staticmethod
    def from_env(env: Env) -> SweepSettings:
        return SweepSettings(
            jobs_table=env["JOBS_TABLE"],
            stack=env["STACK"],
            state_machine_arn=env["STATE_MACHINE_ARN"],
            grace_seconds=int(env["GRACE_SECONDS"]),
            machine_deadline_seconds=int(env["MACHINE_DEADLINE_SECONDS"]),
            pool_size=int(env["POOL_SIZE"]),
            uploads_bucket=env["UPLOADS_BUCKET"],
            outputs_bucket=env["OUTPUTS_BUCKET"],
            artifacts_bucket=env["ARTIFACTS_BUCKET"],
            machine_log_group=env["MACHINE_LOG_GROUP"],
            spending=Spending.from_json(env["SPENDING"]),
        )


@dataclass(frozen=True)
class PoolSettings:
    jobs_table: str
    stack: str
    launch_template_id: str
    instance_type: str
    subnet_ids: tuple[str, ...]
    pool_size: int
    grace_seconds: int
    ready_within_seconds: int
    settle_seconds: int  # after which no call to stop a machine is on its way any more

    @staticmethod
    def from_env(env: Env) -> PoolSettings:
        return PoolSettings(
            jobs_table=env["JOBS_TABLE"],
            stack=env["STACK"],
            launch_template_id=env["LAUNCH_TEMPLATE_ID"],
            instance_type=env["INSTANCE_TYPE"],
            subnet_ids=_listed(env["SUBNET_IDS"]),
            pool_size=int(env["POOL_SIZE"]),
            grace_seconds=int(env["GRACE_SECONDS"]),
            ready_within_seconds=int(env["READY_WITHIN_SECONDS"]),
            settle_seconds=int(env["SETTLE_SECONDS"]),
        )
