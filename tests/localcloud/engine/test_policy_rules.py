"""What IAM demands of policy documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.policy_rules import IDENTITY, TRUST, PolicyKind, checked_policy

READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


@pytest.mark.parametrize(("document", "kind"), [(policy(READ), IDENTITY), (policy(ASSUME), TRUST)])
def test_a_good_policy_passes_as_it_is(document: str, kind: PolicyKind) -> None:
    assert checked_policy(document, kind) == document
    assert json.loads(checked_policy(json.loads(document), kind)) == json.loads(document)


@pytest.mark.parametrize(
    ("document", "kind", "message"),
    [
        ("{", IDENTITY, "not JSON"),
        (policy(), IDENTITY, "no Statement"),
        (policy(READ, version="2020-01-01"), IDENTITY, "Version '2020-01-01' is not one of"),
        (policy({**READ, "Sid": "not so"}), IDENTITY, "Statement not so: a Sid is made of letters and digits"),
        (policy(READ, READ), IDENTITY, "a Sid is used twice among Read, Read"),
        (policy({**READ, "Effect": "allow"}), IDENTITY, "Effect 'allow' is neither"),
        (policy({**READ, "Action": []}), IDENTITY, "needs Action or NotAction"),
        (policy({**READ, "Actions": "x"}), IDENTITY, "no such element: Actions"),
        (policy({**READ, "Principal": "*"}), IDENTITY, "Principal has no place here"),
        (policy({**ASSUME, "Resource": "*"}), TRUST, "Resource has no place here"),
        (policy({**READ, "Resource": "x" * 10_240}), IDENTITY, r"\d+ characters, but 10240 is the limit"),
    ],
)
def test_a_policy_that_iam_would_refuse_is_refused(document: str, kind: PolicyKind, message: str) -> None:
    with pytest.raises(ServiceRuleError, match=message):
        checked_policy(document, kind)
