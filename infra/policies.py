"""IAM policies as rows, and the rows that the roles of several functions have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from infra.stack import Stack


@dataclass(frozen=True)
class Statement:
    """One Allow row. All conditions stand in one statement: IAM joins conditions with AND, statements with OR."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


LOOK_AT_MACHINES = Statement("LookAtMachines", ["ec2:DescribeInstances"], ["*"])  # knows no resources


def on_own_machines(
    stack: Stack, sid: str, action: str, conditions: Mapping[str, Mapping[str, Any]] | None = None
) -> Statement:
    """One action on the machines that carry this stack's tag, and meet further conditions."""
    own = {"StringEquals": {"aws:ResourceTag/mayfly:stack": stack.config.stack}}
    return Statement(sid, [action], [stack.arn("ec2", "instance/*")], {**own, **(conditions or {})})


def end_machines(stack: Stack) -> Statement:
    return on_own_machines(stack, "EndOwnMachines", "ec2:TerminateInstances")


def answer_workflow(stack: Stack, *actions: str) -> Statement:
    """Ending the waits of the state machine's tasks."""
    return Statement("AnswerWorkflow", actions, [stack.state_machine_arn])


def policy(statements: Sequence[Statement]) -> pulumi.Output[str]:
    rows = [
        {
            "Sid": row.sid,
            "Effect": "Allow",
            "Action": list(row.actions),
            "Resource": list(row.resources),
            **({"Condition": row.conditions} if row.conditions else {}),
        }
        for row in statements
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": rows})


def assumed_by(service: str) -> pulumi.Output[str]:
    """The trust policy of a role that one AWS service assumes."""
    row = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [row]})
