"""Policies as statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localcloud.engine.deployment import preview
from localcloud.engine.policies import statements, statements_by_role

if TYPE_CHECKING:
    from pathlib import Path


def test_statements_are_listed_by_the_logical_name_of_their_role(everything: Path) -> None:
    recorded = preview(everything, config={})
    found = statements_by_role(recorded)
    assert set(found) == {"function", "machine", "instance"}
    [statement, further] = found["function"]
    assert (further.sid, further.resources) == ("Read", ("*",))
    assert (statement.sid, statement.effect, statement.actions) == ("Send", "Allow", ("sqs:SendMessage",))
    assert statement.resources[0].startswith("arn:aws:sqs:")
    assert statement.policy.endswith("RolePolicy::function")
    assert found["machine"] == []


def test_a_bucket_policy_reads_the_same_way() -> None:
    [found] = statements("urn", {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}})
    assert (found.principals, found.actions, found.conditions) == (("*",), ("s3:*",), {})


def test_a_negated_statement_is_refused() -> None:
    with pytest.raises(ValueError, match="NotAction"):
        statements("urn", '{"Statement": [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]}')
