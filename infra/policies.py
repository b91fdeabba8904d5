"""IAM policies as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi


@dataclass(frozen=True)
class Statement:
    """One Allow row. All conditions stand in one statement: IAM joins conditions with AND, statements with OR."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
            ],
        }
    )
