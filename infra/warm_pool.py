"""The warm pool: its reconciler's settings, and the policies that only a stack with a pool has."""

from __future__ import annotations

from infra.config import StackConfig
from infra.policies import Statement

RECONCILE_EVERY = "rate(1 minute)"
RECONCILER_SECONDS = 30
# Longer than a lease holder takes from claiming a machine to assigning it, and than EC2 may not show a new one.
_GRACE_SECONDS = 120
# Detecting that a machine is online, and then that it is stopped, takes one run of the reconciler each.
_VISITS_SECONDS = 300
# A margin for a reconciler that was ended by its time-out: its last call may still be on its way.
_SETTLE_SECONDS = RECONCILER_SECONDS + 15


def reconciler_settings(config: StackConfig) -> dict[str, str]:
    """The reconciler's environment, without names of resources."""
    return {
        "INSTANCE_TYPE": config.instance_types[0],
        "POOL_SIZE": str(config.pool_size),
        "GRACE_SECONDS": str(_GRACE_SECONDS),
        "READY_WITHIN_SECONDS": str(config.boot_timeout_minutes * 60 + _VISITS_SECONDS),
        "SETTLE_SECONDS": str(_SETTLE_SECONDS),
    }


def start_pooled(instances: str, stack: str) -> Statement:
    return Statement(
        "StartOwnMachines",
        ["ec2:StartInstances"],
        [instances],
        {"StringEquals": {"aws:ResourceTag/mayfly:stack": stack}},
    )


def reconcile_pool(instances: str, stack: str) -> list[Statement]:
    return [
        Statement(
            "StopOwnMachinesOfNoJob",
            ["ec2:StopInstances"],
            [instances],
            {
                "StringEquals": {"aws:ResourceTag/mayfly:stack": stack},
                "Null": {"aws:ResourceTag/mayfly:job-id": "true"},
            },
        ),
        Statement("AskForAgents", ["ssm:DescribeInstanceInformation"], ["*"]),  # a listing; it is filtered by id
    ]
