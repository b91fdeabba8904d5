"""The pool of stopped machines: what its reconciler is told, and the rights that only a stack with a pool gives."""

from __future__ import annotations

from infra.config import StackConfig
from infra.policies import Statement

RECONCILE_EVERY = "rate(1 minute)"
RECONCILER_SECONDS = 30
# Longer than a leader takes from claiming a machine to handing it out, and than EC2 may not show a new one.
_GRACE_SECONDS = 120
# A machine is seen to be online, and then to be stopped, at one of the reconciler's next visits each.
_VISITS_SECONDS = 300
# A margin for a reconciler that was ended by its time-out: its last call may still be on its way.
_SETTLE_SECONDS = RECONCILER_SECONDS + 15


def reconciler_settings(config: StackConfig) -> dict[str, str]:
    """What the reconciler has in its environment beside where things are."""
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
