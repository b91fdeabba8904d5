"""Rules of this project's own about who may do what; those of parliament are in test_iam_policies.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from localcloud.engine.deployment import Deployment
from tests.static import iam_reference
from tests.static.policy_documents import many, policy_documents

pytestmark = pytest.mark.thorough

Statement = dict[str, Any]

# Actions of which AWS's reference knows resources, allowed on all of them nevertheless: why.
EVERYWHERE = {
    "ssm:UpdateInstanceInformation": "AWS's own policy for agents (AmazonSSMManagedInstanceCore) names none either",
}


def allowing(deployment: Deployment) -> Iterator[tuple[str, Statement]]:
    """(role, statement) of everything that a role is allowed."""
    for document in policy_documents(deployment):
        if document.role:
            yield from ((document.resource.name, each) for each in document.statements if each["Effect"] == "Allow")


def actions(statement: Statement) -> list[str]:
    return many(statement["Action"])


def wildcards(statements: Sequence[Statement]) -> list[str]:
    return [action for each in statements for action in actions(each) if "*" in action or "?" in action]


def needlessly_everywhere(statements: Sequence[Statement]) -> list[str]:
    """Actions on every resource although a policy could name them."""
    return [
        action
        for each in statements
        if "*" in many(each["Resource"])
        for action in actions(each)
        if not iam_reference.is_known(action) or iam_reference.takes_resources(action)
    ]


def overlap(one: str, other: str) -> bool:
    """Whether two patterns of ARNs can mean the same resource, as far as one of them fits the other's text."""
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def widened(statements: Sequence[Statement]) -> list[tuple[str, str, str]]:
    """(Sid, Sid, action): what the first allows under a condition, the second allows on the same without one.

    IAM joins statements with OR, so a second one undoes the condition of the first.
    """
    bound = [each for each in statements if each.get("Condition")]
    free = [each for each in statements if not each.get("Condition")]
    return [
        (one.get("Sid", ""), other.get("Sid", ""), action)
        for one in bound
        for other in free
        for action in actions(one)
        if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in actions(other))
        if any(overlap(first, second) for first in many(one["Resource"]) for second in many(other["Resource"]))
    ]


def test_no_role_is_allowed_an_action_that_is_not_named(recorded: Deployment) -> None:
    assert wildcards([each for _, each in allowing(recorded)]) == []
    for document in policy_documents(recorded):
        assert not any(key.startswith("Not") for each in document.statements for key in each), document


def test_an_action_is_on_everything_only_where_it_knows_no_resources(recorded: Deployment) -> None:
    found = needlessly_everywhere([each for _, each in allowing(recorded)])
    assert set(found) == set(EVERYWHERE)


def test_no_condition_is_undone_by_another_statement(recorded: Deployment) -> None:
    by_role: dict[str, list[Statement]] = defaultdict(list)
    for role, statement in allowing(recorded):
        by_role[role].append(statement)
    assert any(each.get("Condition") for statements in by_role.values() for each in statements)
    assert {role: found for role, statements in by_role.items() if (found := widened(statements))} == {}


def test_one_function_passes_one_role_to_machines_and_to_nothing_else(recorded: Deployment) -> None:
    ((role, statement),) = [(role, each) for role, each in allowing(recorded) if "iam:PassRole" in actions(each)]
    (machines,) = [each for each in recorded.of_type("aws:iam/role:Role") if each.name.endswith("-machines")]
    assert role.endswith("-launch")
    assert actions(statement) == ["iam:PassRole"]
    assert many(statement["Resource"]) == [machines.outputs["arn"]]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


def test_no_role_has_rights_that_stand_elsewhere(recorded: Deployment) -> None:
    assert recorded.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment") == []
    for role in recorded.of_type("aws:iam/role:Role"):
        assert not {"managedPolicyArns", "inlinePolicies"} & set(role.inputs)


def test_no_role_may_change_rights_or_take_on_another(recorded: Deployment) -> None:
    services = {action.split(":")[0] for _, each in allowing(recorded) for action in actions(each)}
    assert "sts" not in services
    assert {action for _, each in allowing(recorded) for action in actions(each) if action.startswith("iam:")} == {
        "iam:PassRole"
    }


def test_only_a_services_own_principal_is_let_in_and_a_bucket_lets_in_one_distribution(recorded: Deployment) -> None:
    for document in policy_documents(recorded):
        for statement in document.statements:
            if "Principal" not in statement or statement["Effect"] == "Deny":
                continue
            (kind,) = statement["Principal"]
            assert kind == "Service", document
            assert document.is_trust or "AWS:SourceArn" in statement["Condition"]["StringEquals"], document


HERE = {"Effect": "Allow", "Action": ["ec2:RunInstances"], "Resource": ["arn:aws:ec2:eu-central-1:1:instance/*"]}
BOUND = {**HERE, "Sid": "Bound", "Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}}


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"Action": "ec2:Run*"},
        {"Resource": "*"},
        {"Resource": ["arn:aws:ec2:*:*:instance/*"]},
        {"Resource": ["arn:aws:ec2:eu-central-1:1:instance/i-1"]},
    ],
)
def test_a_statement_that_undoes_a_condition_is_found(other: Statement) -> None:
    assert widened([BOUND, {**HERE, "Sid": "Free", **other}]) == [("Bound", "Free", "ec2:RunInstances")]


@pytest.mark.parametrize(
    "other", [{"Action": "ec2:StartInstances"}, {"Resource": ["arn:aws:ec2:eu-central-1:1:volume/*"]}]
)
def test_a_statement_about_something_else_undoes_nothing(other: Statement) -> None:
    assert widened([BOUND, {**HERE, **other}]) == []


def test_what_a_policy_could_name_is_told_from_what_it_cannot() -> None:
    everything = {"Effect": "Allow", "Resource": "*"}
    assert needlessly_everywhere([{**everything, "Action": "dynamodb:GetItem"}]) == ["dynamodb:GetItem"]
    assert needlessly_everywhere([{**everything, "Action": "ec2:DescribeInstances"}]) == []
    assert needlessly_everywhere([{**everything, "Action": "ec2:Imagined"}]) == ["ec2:Imagined"]
    assert wildcards([{**everything, "Action": ["s3:*", "s3:GetObject", "*"]}]) == ["s3:*", "*"]
