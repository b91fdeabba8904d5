"""parliament's findings about every policy document, with and without sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

import pytest

from localcloud.engine.deployment import Deployment
from tests.policy_statements import PolicyDocument, allowing, policy_documents
from tests.static.iam_reference import Finding, lint, unnamed_resources

pytestmark = pytest.mark.thorough


@dataclass(frozen=True)
class Allowed:
    """A finding that is none: in the documents that fit the pattern, if it is about `about`."""

    documents: str
    issue: str
    about: str
    reason: str

    def covers(self, document: PolicyDocument, finding: Finding) -> bool:
        return (
            fnmatchcase(str(document), self.documents) and finding.issue == self.issue and self.about in finding.detail
        )


_APART = "its kinds of resources stand in statements with conditions of their own; together they are all there"
_TASKS = "AWS asks for it on the state machine, whatever its reference says (aws-cdk pull request 8486)"
_AWS_OWN = "AWS's own documents and parameters have no account in their ARN; parliament wants one"
_ALLOWED = (
    Allowed("* assumeRolePolicy", "CREDENTIALS_EXPOSURE", "sts:assumerole", "to be assumed is what a role is for"),
    Allowed("*-launch policy", "RESOURCE_MISMATCH", "ec2:RunInstances", _APART),
    Allowed("*-dispatch policy", "RESOURCE_MISMATCH", "ssm:SendCommand", f"{_AWS_OWN}; the machines stand apart"),
    Allowed("* policy", "RESOURCE_MISMATCH", "states:SendTaskSuccess", _TASKS),
    Allowed("* policy", "RESOURCE_MISMATCH", "states:SendTaskFailure", _TASKS),
    Allowed("*-launch policy", "RESOURCE_MISMATCH", "ssm:GetParameters", _AWS_OWN),
    Allowed("*-stream policy", "RESOURCE_MISMATCH", "/stream/*", "a stream is named by a time, with colons"),
    Allowed("*-sweep policy", "RESOURCE_MISMATCH", ":express:", "the state machine is a standard one"),
    Allowed("*-launch policy", "PERMISSIONS_MANAGEMENT_ACTIONS", "iam:passrole", "test_iam_rules.py: of one role only"),
    Allowed("*-launch policy", "PRIVILEGE_ESCALATION", "iam:passrole", "as above; the machines' role may do less"),
)


def linted(document: PolicyDocument) -> list[Finding]:
    if not document.is_trust:
        return lint(document.content)
    # A trust policy names no resource, since it stands in the one it is about; parliament wants it said.
    role = document.resource.outputs["arn"]
    return lint({**document.content, "Statement": [{**each, "Resource": role} for each in document.given]})


def findings(deployment: Deployment) -> list[tuple[PolicyDocument, Finding]]:
    return [(document, finding) for document in policy_documents(deployment) for finding in linted(document)]


def test_parliament_finds_nothing_but_what_has_a_reason(recorded: Deployment) -> None:
    unexplained = [
        f"{document}: {finding}"
        for document, finding in findings(recorded)
        if not any(each.covers(document, finding) for each in _ALLOWED)
    ]
    assert unexplained == []


def test_every_allowed_finding_is_there(open_to_all: Deployment, signed_in: Deployment) -> None:
    found = [*findings(open_to_all), *findings(signed_in)]
    assert [each for each in _ALLOWED if not any(each.covers(*one) for one in found)] == []


def test_what_stands_apart_is_complete_together(recorded: Deployment) -> None:
    resources = [each.resources for _, each in allowing(recorded, "ec2:RunInstances")]
    assert all(unnamed_resources("ec2:RunInstances", part) for part in resources)
    assert unnamed_resources("ec2:RunInstances", chain(*resources)) == []


def test_every_role_and_bucket_has_its_documents(recorded: Deployment) -> None:
    carriers = [(each.resource.type.split(":")[-1], each.key) for each in policy_documents(recorded)]
    for token, key in (("Role", "assumeRolePolicy"), ("RolePolicy", "policy"), ("BucketPolicy", "policy")):
        resources = [each for each in recorded.resources if each.type.split(":")[-1] == token]
        assert carriers.count((token, key)) == len(resources) > 0


@pytest.mark.parametrize(
    ("harm", "issue"),
    [
        ({"Action": "s3:GetObjekt"}, "UNKNOWN_ACTION"),
        ({"Action": "dynamodb:GetItem", "Resource": "arn:aws:s3:::bucket/*"}, "RESOURCE_MISMATCH"),
        ({"Action": "dynamodb:GetItem", "Resource": "*"}, "RESOURCE_STAR"),
        ({"Condition": {"StringEquals": {"s3:prefix": "inputs/"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
        ({"Condition": {"StringSame": {"aws:PrincipalTag/a": "b"}}}, "UNKNOWN_OPERATOR"),
    ],
)
def test_parliament_finds_what_is_broken(harm: dict[str, Any], issue: str) -> None:
    sound = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    assert lint({"Version": "2012-10-17", "Statement": [sound]}) == []
    broken = lint({"Version": "2012-10-17", "Statement": [{**sound, **harm}]})
    assert issue in {each.issue for each in broken}
