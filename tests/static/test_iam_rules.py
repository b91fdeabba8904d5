"""Rules of this project's own about who may do what; those of parliament are in test_iam_policies.py."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

import pytest

from localcloud.engine.deployment import Deployment
from tests.policy_statements import Statement, allowing, policy_documents, statements_by_role
from tests.static import iam_reference

pytestmark = pytest.mark.thorough

# Actions of which AWS's reference knows resources, allowed on all of them nevertheless: why.
EVERYWHERE = {
    "ssm:UpdateInstanceInformation": "AWS's own policy for agents (AmazonSSMManagedInstanceCore) names none either",
}


def of_roles(deployment: Deployment) -> list[Statement]:
    return list(chain.from_iterable(statements_by_role(deployment).values()))


def needlessly_everywhere(statements: Sequence[Statement]) -> set[str]:
    """Actions on every resource although a policy could name them."""
    return {
        action
        for each in statements
        if "*" in each.resources
        for action in each.actions
        if not iam_reference.is_known(action) or iam_reference.takes_resources(action)
    }


def overlap(one: str, other: str) -> bool:
    """Whether two patterns of ARNs can mean the same resource, as far as one of them fits the other's text."""
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def widened(statements: Sequence[Statement]) -> list[tuple[str, str, str]]:
    """(Sid, Sid, action): what the first allows under a condition, the second allows on the same without one.

    IAM joins statements with OR, so a second one undoes the condition of the first.
    """
    return [
        (bound.sid, free.sid, action)
        for bound in statements
        for free in statements
        if bound.conditions and not free.conditions
        for action in bound.actions
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in free.actions)
        if any(overlap(first, second) for first in bound.resources for second in free.resources)
    ]


def test_no_role_is_allowed_an_action_that_is_not_named(recorded: Deployment) -> None:
    """`NotAction` and its like are refused where statements are read."""
    assert [action for each in of_roles(recorded) for action in each.actions if re.search(r"[*?]", action)] == []


def test_an_action_is_on_everything_only_where_it_knows_no_resources(recorded: Deployment) -> None:
    assert needlessly_everywhere(of_roles(recorded)) == set(EVERYWHERE)


def test_no_condition_is_undone_by_another_statement(recorded: Deployment) -> None:
    assert any(each.conditions for each in of_roles(recorded))
    by_role = statements_by_role(recorded)
    assert {role: found for role, statements in by_role.items() if (found := widened(statements))} == {}


def test_one_function_passes_one_role_to_machines_and_to_nothing_else(recorded: Deployment) -> None:
    ((role, statement),) = allowing(recorded, "iam:PassRole")
    (machines,) = [each for each in recorded.of_type("aws:iam/role:Role") if each.name.endswith("-machines")]
    assert role.endswith("-launch")
    assert (statement.actions, statement.resources) == (("iam:PassRole",), (machines.outputs["arn"],))
    assert statement.conditions == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


def test_no_role_has_rights_that_stand_elsewhere(recorded: Deployment) -> None:
    assert recorded.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == []
    for role in recorded.of_type("aws:iam/role:Role"):
        assert not {"managedPolicyArns", "inlinePolicies"} & set(role.inputs)


def test_no_role_may_change_rights_or_take_on_another(recorded: Deployment) -> None:
    found = {action for each in of_roles(recorded) for action in each.actions}
    assert {action for action in found if action.startswith(("iam:", "sts:"))} == {"iam:PassRole"}


def test_only_a_services_own_principal_is_let_in_and_a_bucket_lets_in_one_distribution(recorded: Deployment) -> None:
    for document in policy_documents(recorded):
        for each in document.statements:
            if document.is_trust:
                assert re.fullmatch(r"Service:(lambda|ec2|states)\.amazonaws\.com", "".join(each.principals)), document
            elif each.principals and each.effect == "Allow":
                assert all(one.startswith("Service:") for one in each.principals), document
                assert "AWS:SourceArn" in each.conditions["StringEquals"], document


HERE = {"Effect": "Allow", "Action": ["ec2:RunInstances"], "Resource": ["arn:aws:ec2:eu-central-1:1:instance/*"]}
BOUND = Statement.of({**HERE, "Sid": "Bound", "Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}})


@pytest.mark.parametrize(
    ("other", "is_found"),
    [
        ({}, True),
        ({"Action": "ec2:Run*"}, True),
        ({"Resource": "*"}, True),
        ({"Resource": ["arn:aws:ec2:*:*:instance/*"]}, True),
        ({"Resource": ["arn:aws:ec2:eu-central-1:1:instance/i-1"]}, True),
        ({"Action": "ec2:StartInstances"}, False),
        ({"Resource": ["arn:aws:ec2:eu-central-1:1:volume/*"]}, False),
    ],
)
def test_a_statement_that_undoes_a_condition_is_found(other: dict[str, Any], is_found: bool) -> None:
    found = widened([BOUND, Statement.of({**HERE, "Sid": "Free", **other})])
    assert found == ([("Bound", "Free", "ec2:RunInstances")] if is_found else [])


@pytest.mark.parametrize(
    ("action", "could_be_named"),
    [("dynamodb:GetItem", True), ("ec2:DescribeInstances", False), ("ec2:Imagined", True)],
)
def test_what_a_policy_could_name_is_told_from_what_it_cannot(action: str, could_be_named: bool) -> None:
    everything = Statement.of({"Effect": "Allow", "Resource": "*", "Action": action})
    assert needlessly_everywhere([everything]) == ({action} if could_be_named else set())
