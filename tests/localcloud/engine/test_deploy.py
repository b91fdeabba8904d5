"""Deploying to the emulator, with IAM enforced: Mayfly's own program, with a resource for each adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.engine import existing
from localcloud.engine.aws import Aws
from localcloud.engine.deployment import Deployment, DeploymentError, Resource, Target, deploy, destroy
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
# service, operation, the list in its answer: one for each kind of thing that the program makes
INVENTORY = [
    ("apigatewayv2", "get_apis", "Items"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ("cloudwatch", "list_dashboards", "DashboardEntries"),
    ("dynamodb", "list_tables", "TableNames"),
    ("ec2", "describe_internet_gateways", "InternetGateways"),
    ("ec2", "describe_launch_templates", "LaunchTemplates"),
    ("ec2", "describe_route_tables", "RouteTables"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("ec2", "describe_subnets", "Subnets"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    ("ec2", "describe_vpcs", "Vpcs"),
    ("events", "list_rules", "Rules"),
    ("iam", "list_instance_profiles", "InstanceProfiles"),
    ("iam", "list_roles", "Roles"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings"),
    ("lambda", "list_functions", "Functions"),
    ("logs", "describe_log_groups", "logGroups"),
    ("logs", "describe_metric_filters", "metricFilters"),
    ("s3", "list_buckets", "Buckets"),
    ("sns", "list_subscriptions", "Subscriptions"),
    ("sns", "list_topics", "Topics"),
    ("sqs", "list_queues", "QueueUrls"),
    ("stepfunctions", "list_state_machines", "stateMachines"),
]


def inventory(aws: Aws) -> dict[str, int]:
    counts = {
        f"{service}.{operation}": len(getattr(aws.client(service), operation)().get(key, []))
        for service, operation, key in INVENTORY
    }
    distributions = aws.client("cloudfront").list_distributions()["DistributionList"]
    policies = aws.client("cloudfront").list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"]
    controls = aws.client("cloudfront").list_origin_access_controls()["OriginAccessControlList"]
    pools = aws.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    budgets = aws.client("budgets").describe_budgets(AccountId=aws.account).get("Budgets", [])
    return counts | {
        "budgets": len(budgets),
        "user pools": len(pools),
        "distributions": distributions.get("Quantity", 0),
        "headers policies": policies.get("Quantity", 0),
        "access controls": len(controls.get("Items", [])),
    }


@pytest.fixture(scope="module")
def aws(target: Target) -> Iterator[Aws]:
    aws = Aws(target)
    yield aws
    aws.close()


@pytest.fixture(scope="module")
def before(aws: Aws) -> dict[str, int]:
    return inventory(aws)


@pytest.fixture(scope="module")
def mayfly(before: dict[str, int], target: Target) -> Deployment:
    """The last test of it destroys it."""
    return deploy(ROOT, target=target, config=CONFIG)


def one(deployment: Deployment, token: str) -> Resource:
    [found] = deployment.of_type(token)
    return found


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
    vpc = one(mayfly, "aws:ec2/vpc:Vpc").id
    groups = aws.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    [default] = [group for group in groups if group["GroupName"] == "default"]
    assert default["IpPermissions"] == default["IpPermissionsEgress"] == []
    [own] = [group for group in groups if group is not default]
    assert {rule["ToPort"] for rule in own["IpPermissionsEgress"]} == {443}
    assert own["IpPermissions"] == []


def test_destroying_leaves_nothing_buckets_with_files_included(
    mayfly: Deployment, aws: Aws, before: dict[str, int], target: Target
) -> None:
    during = inventory(aws)
    uploads = mayfly.outputs["uploads_bucket"]
    aws.client("s3").put_object(Bucket=uploads, Key="inputs/alice/left/this.txt", Body=b"x")
    destroy(mayfly, target=target)
    assert inventory(aws) == before
    assert [kind for kind in during if during[kind] <= before[kind]] == []


def test_a_user_pool_under_protection_is_not_destroyed(program: Callable[..., Path], target: Target) -> None:
    deployed = deploy(program('aws.cognito.UserPool("p", deletion_protection="ACTIVE")'), target=target, config={})
    with pytest.raises(DeploymentError, match=r"::p: deletionProtection: Cognito deletes no pool"):
        destroy(deployed, target=target)
    one(deployed, "aws:cognito/userPool:UserPool").outputs["deletionProtection"] = "INACTIVE"
    destroy(deployed, target=target)


def test_a_refusal_of_the_service_names_the_resource_and_the_reason_and_what_was_made_before_can_be_destroyed(
    program: Callable[..., Path], target: Target, aws: Aws
) -> None:
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
        deploy(folder, target=target, config={})
    message = str(failure.value)
    assert message.startswith("urn:pulumi:local::small::aws:iam/rolePolicy:RolePolicy::lost: PutRolePolicy was refused")
    assert "NoSuchEntity" in message
    assert "\n" not in message
    assert failure.value.partial is not None
    destroy(failure.value.partial, target=target)
    assert aws.client("logs").describe_log_groups(logGroupNamePrefix="/small")["logGroups"] == []


def test_a_protected_resource_is_not_destroyed(program: Callable[..., Path], target: Target) -> None:
    seen: list[str] = []
    folder = program('aws.sqs.Queue("kept", opts=pulumi.ResourceOptions(protect=True))\naws.sqs.Queue("other")')
    deployed = deploy(folder, target=target, config={}, on_progress=lambda resource: seen.append(resource.name))
    assert sorted(seen) == ["kept", "other"]
    with pytest.raises(DeploymentError, match=r"protected: .*::kept"):
        destroy(deployed, target=target)
    for resource in deployed.resources:
        resource.options = type(resource.options)()
    destroy(deployed, target=target)
