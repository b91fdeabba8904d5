"""The warm pool: its reconciler's settings, and the policies that only a stack with a pool has."""

from __future__ import annotations

from infra.config import StackConfig
from infra.policies import Statement, on_own_machines
from infra.stack import Stack

RECONCILE_EVERY = "rate(1 minute)"
RECONCILER_SECONDS = 30
# Longer than a lease holder takes from claiming a machine to assigning it, and than EC2 may not show a new one.
_GRACE_SECONDS = 120
# Detecting that a machine is online, and then that it is stopped, takes one run of the reconciler each.
_VISITS_SECONDS = 300
# A margin for a reconciler that was ended by its time-out: its last call may still be on its way.
_SETTLE_SECONDS = RECONCILER_SECONDS + 15


def reconciler_settings(config: StackConfig) -> dict[str, str]:
    """The reconciler's variables, without names of resources."""
    return {
        "instance_type": config.instance_types[0],
        "pool_size": str(config.pool_size),
        "grace_seconds": str(_GRACE_SECONDS),
        "ready_within_seconds": str(config.boot_timeout_minutes * 60 + _VISITS_SECONDS),
        "settle_seconds": str(_SETTLE_SECONDS),
    }


def start_pooled(stack: Stack) -> Statement:
    return on_own_machines(stack, "StartOwnMachines", "ec2:StartInstances")


def reconcile_pool(stack: Stack) -> list[Statement]:
    of_no_job = {"Null": {"aws:ResourceTag/mayfly:job-id": "true"}}
    return [
        on_own_machines(stack, "StopOwnMachinesOfNoJob", "ec2:StopInstances", of_no_job),
        Statement("AskForAgents", ["ssm:DescribeInstanceInformation"], ["*"]),  # a listing; it is filtered by id
    ]
