"""Deploying to the emulator, with IAM enforced: Mayfly's own program, with a resource for each adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.engine import existing
from localcloud.engine.aws import Aws
from localcloud.engine.deployment import Deployment, DeploymentError, Target, deploy
from localcloud.engine.registry import tokens
from tests.localcloud.engine.reading import read_otherwise

pytestmark = pytest.mark.cloud

ROOT = Path(__file__).parents[3]
CONFIG = {
    "mayfly:auth": "cognito",
    "mayfly:bundleFor": "host",
    "mayfly:monitoring": "true",
    "mayfly:alarmEmail": "team@example.org",
    "mayfly:monthlyBudgetUsd": "10",
    "mayfly:notify": "true",
    "mayfly:poolSize": "1",
    "mayfly:versioning": "true",
}


@pytest.fixture(scope="module")
def aws(target: Target) -> Iterator[Aws]:
    aws = Aws(target)
    yield aws
    aws.close()


@pytest.fixture(scope="module")
def mayfly(target: Target) -> Deployment:
    return deploy(ROOT, target=target, config=CONFIG)


def test_every_resource_type_with_an_adapter_is_deployed(mayfly: Deployment) -> None:
    assert set(tokens()) <= {resource.type for resource in mayfly.resources}


def test_every_resource_has_an_id_and_an_output_for_each_input(mayfly: Deployment) -> None:
    for resource in mayfly.resources:
        if resource.type.startswith("aws:"):
            assert resource.id, resource.urn
            assert set(resource.inputs) <= set(resource.outputs), resource.urn


def test_every_input_and_tag_is_read_back_as_it_was_given(mayfly: Deployment, aws: Aws) -> None:
    assert read_otherwise(aws, mayfly) == {}
    made = [resource for resource in mayfly.resources if resource.type.startswith("aws:")]
    assert {resource.urn: found for resource in made if (found := existing.read(aws, resource))} == {}


def test_security_groups_keep_no_rule_that_was_not_given(mayfly: Deployment, aws: Aws) -> None:
    [vpc] = mayfly.of_type("aws:ec2/vpc:Vpc")
    filters = [{"Name": "vpc-id", "Values": [vpc.id]}]
    groups = aws.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    [default] = [group for group in groups if group["GroupName"] == "default"]
    assert default["IpPermissions"] == default["IpPermissionsEgress"] == []
    [own] = [group for group in groups if group is not default]
    assert {rule["ToPort"] for rule in own["IpPermissionsEgress"]} == {443}
    assert own["IpPermissions"] == []


def test_a_refusal_of_the_service_names_the_resource_and_the_reason(
    program: Callable[..., Path], target: Target
) -> None:
    seen: list[str] = []
    folder = program(
        """
        import json
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        group = aws.cloudwatch.LogGroup("made", name="/small/made")
        aws.iam.RolePolicy("lost", role="missing", policy=policy, opts=pulumi.ResourceOptions(depends_on=[group]))
        """
    )
    with pytest.raises(DeploymentError) as failure:
        deploy(folder, target=target, config={}, on_progress=lambda resource: seen.append(resource.name))
    message = str(failure.value)
    assert message.startswith("urn:pulumi:local::small::aws:iam/rolePolicy:RolePolicy::lost: PutRolePolicy was refused")
    assert "NoSuchEntity" in message
    assert "\n" not in message
    assert seen == ["made"]
    assert failure.value.partial is not None
    assert [each.name for each in failure.value.partial.resources if each.custom] == ["made"]
