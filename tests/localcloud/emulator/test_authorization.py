from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.emulator.harness import AGENT_ACTIONS, EmulatorHarness, allow, code_of

ACCOUNT = "000000000000"
EC2 = f"arn:aws:ec2:eu-central-1:{ACCOUNT}"
PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
TAGS = [{"ResourceType": "instance", "Tags": [{"Key": "stack", "Value": "mine"}, {"Key": "job", "Value": "7"}]}]

Statements = dict[str, dict[str, Any]]


class Stage:
    """A launch template with everything around it, and a policy that allows exactly its launch."""

    def __init__(self, harness: EmulatorHarness) -> None:
        ec2 = harness.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName=f"g-{vpc}", Description="g", VpcId=vpc)["GroupId"]
        self.profile = harness.profile(AGENT_ACTIONS)
        template = ec2.create_launch_template(
            LaunchTemplateName=f"t-{uuid.uuid4().hex[:8]}",
            LaunchTemplateData={
                "ImageId": f"resolve:ssm:{PARAMETER}",
                "IamInstanceProfile": {"Name": self.profile},
                "SecurityGroupIds": [group],
                "MetadataOptions": {"HttpTokens": "required"},
            },
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.call = {
            "LaunchTemplate": {"LaunchTemplateId": template},
            "InstanceType": "t4g.micro",
            "SubnetId": subnet,
            "TagSpecifications": TAGS,
            "MinCount": 1,
            "MaxCount": 1,
        }
        arn = f"{EC2}:launch-template/{template}"
        from_template = {"ArnEquals": {"ec2:LaunchTemplate": arn}}
        instance = {
            **from_template,
            "StringEquals": {
                "aws:RequestTag/stack": "mine",
                "ec2:InstanceType": "t4g.micro",
                "ec2:MetadataHttpTokens": "required",
            },
            "ForAllValues:StringEquals": {"aws:TagKeys": ["stack", "job"]},
        }
        image = {**from_template, "Bool": {"ec2:IsLaunchTemplateResource": "true"}}
        self.statements: Statements = {
            "instance": allow(["ec2:RunInstances"], f"{EC2}:instance/*", **instance),
            "volume": allow(["ec2:RunInstances"], f"{EC2}:volume/*", **from_template),
            "network interface": allow(["ec2:RunInstances"], f"{EC2}:network-interface/*", **from_template),
            "image": allow(["ec2:RunInstances"], "arn:aws:ec2:eu-central-1::image/*", **image),
            "subnet": allow(["ec2:RunInstances"], f"{EC2}:subnet/{subnet}", **from_template),
            "security group": allow(["ec2:RunInstances"], f"{EC2}:security-group/{group}", **from_template),
            "launch template": allow(["ec2:RunInstances"], arn),
            "tags": allow(["ec2:CreateTags"], f"{EC2}:instance/*", StringEquals={"ec2:CreateAction": "RunInstances"}),
            "image parameter": allow(["ssm:GetParameters"], f"arn:aws:ssm:eu-central-1::parameter{PARAMETER}"),
            "role": allow(
                ["iam:PassRole"],
                f"arn:aws:iam::{ACCOUNT}:role/{self.profile}",
                StringEquals={"iam:PassedToService": "ec2.amazonaws.com"},
            ),
        }


@pytest.fixture(scope="module")
def stage(shared_harness: EmulatorHarness) -> Stage:
    return Stage(shared_harness)


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether a call is denied; any other refusal is an error of the test."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"UnauthorizedOperation", "AccessDeniedException"}:
            raise
        return True
    return False


def test_a_policy_that_names_every_resource_of_a_launch_allows_it(harness: EmulatorHarness, stage: Stage) -> None:
    role = harness.role(list(stage.statements.values()))
    assert not denied(harness.as_role("ec2", role).run_instances, **stage.call)


@pytest.mark.parametrize(
    "missing",
    [
        *("instance", "volume", "network interface", "image", "subnet", "security group", "launch template"),
        *("tags", "image parameter", "role"),
    ],
)
def test_a_launch_is_denied_when_any_of_its_resources_is_not_allowed(
    harness: EmulatorHarness, stage: Stage, missing: str
) -> None:
    role = harness.role([statement for name, statement in stage.statements.items() if name != missing])
    assert denied(harness.as_role("ec2", role).run_instances, **stage.call)


@pytest.mark.parametrize(
    "change",
    [
        {"InstanceType": "t4g.2xlarge"},
        {"ImageId": "ami-0123456789abcdef0"},
        {"MetadataOptions": {"HttpTokens": "optional"}},
        {"TagSpecifications": []},
        {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "stack", "Value": "other"}]}]},
        {"TagSpecifications": [{"ResourceType": "instance", "Tags": [*TAGS[0]["Tags"], {"Key": "x", "Value": "y"}]}]},
    ],
    ids=["type", "image", "metadata version", "no tags", "another tag value", "another tag key"],
)
def test_a_launch_is_denied_when_it_differs_from_what_the_conditions_allow(
    harness: EmulatorHarness, stage: Stage, change: dict[str, Any]
) -> None:
    role = harness.role(list(stage.statements.values()))
    assert denied(harness.as_role("ec2", role).run_instances, **{**copy.deepcopy(stage.call), **change})


@pytest.mark.parametrize("key", ["aws:ResourceTag/stack", "ec2:ResourceTag/stack"])
def test_terminating_follows_the_tags_of_the_machine(harness: EmulatorHarness, key: str) -> None:
    role = harness.role([allow(["ec2:TerminateInstances"], f"{EC2}:instance/*", StringEquals={key: "mine"})])
    ec2 = harness.as_role("ec2", role)
    mine, other = harness.launch(TagSpecifications=TAGS), harness.launch()
    assert denied(ec2.terminate_instances, InstanceIds=[mine, other])
    assert not denied(ec2.terminate_instances, InstanceIds=[mine])


def test_every_call_counts_as_one_over_tls(harness: EmulatorHarness) -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert not denied(harness.as_role("ec2", harness.role([allow(["ec2:DescribeInstances"]), deny])).describe_instances)


def test_an_unknown_machine_has_no_tags_to_be_allowed_by(harness: EmulatorHarness) -> None:
    """As EC2 answers: runs-on/terraform-aws-runs-on#60; aws/karpenter-provider-aws#2100, pull request 2253."""
    actions = ["ec2:CreateTags", "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"]
    by_tag = allow(actions, f"{EC2}:instance/*", StringEquals={"aws:ResourceTag/stack": "mine"})
    harness.set_faults(invisible_for_s=3600)
    unknown = ("i-0123456789abcdef0", harness.launch(TagSpecifications=TAGS))
    for statement, code in (
        (by_tag, "UnauthorizedOperation"),
        (allow(actions, f"{EC2}:instance/*"), "InvalidInstanceID.NotFound"),
    ):
        ec2 = harness.as_role("ec2", harness.role([statement]))
        for machine in unknown:
            tags = [{"Key": "note", "Value": "1"}]
            assert code_of(ec2.create_tags, Resources=[machine], Tags=tags) == code
            for call in (ec2.start_instances, ec2.stop_instances, ec2.terminate_instances):
                assert code_of(call, InstanceIds=[machine]) == code


def test_a_first_spot_request_needs_the_right_to_create_its_service_linked_role(
    harness: EmulatorHarness, stage: Stage
) -> None:
    """EC2 user guide, "Service-linked role for Spot Instance requests"; the code: terraform-aws-github-runner#104."""
    iam = harness.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):  # of another test's
        iam.delete_service_linked_role(RoleName="AWSServiceRoleForEC2Spot")
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
    is_spot = {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}
    without = list(stage.statements.values())
    spot = {**stage.call, "InstanceMarketOptions": {"MarketType": "spot"}}
    call = harness.as_role("ec2", harness.role(without)).run_instances
    assert code_of(call, **spot) == "AuthFailure.ServiceLinkedRoleCreationNotPermitted"
    assert not denied(call, **stage.call), "on-demand instances need none"
    other = {"StringEquals": {"iam:AWSServiceName": "spotfleet.amazonaws.com"}}
    of_another = harness.as_role("ec2", harness.role([*without, allow(["iam:CreateServiceLinkedRole"], arn, **other)]))
    assert code_of(of_another.run_instances, **spot) == "AuthFailure.ServiceLinkedRoleCreationNotPermitted"
    allowed = harness.as_role("ec2", harness.role([*without, allow(["iam:CreateServiceLinkedRole"], arn, **is_spot)]))
    assert not denied(allowed.run_instances, **spot)
    assert iam.get_role(RoleName="AWSServiceRoleForEC2Spot")["Role"]["Arn"] == arn
    assert not denied(call, **spot), "the account has the role now"


def test_tags_of_a_running_machine_follow_its_tags_and_those_asked_for(harness: EmulatorHarness) -> None:
    condition = {
        "StringEquals": {"aws:ResourceTag/stack": "mine"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["note"]},
    }
    ec2 = harness.as_role("ec2", harness.role([allow(["ec2:CreateTags"], f"{EC2}:instance/*", **condition)]))
    mine, other = harness.launch(TagSpecifications=TAGS), harness.launch()
    note = [{"Key": "note", "Value": "1"}]
    assert not denied(ec2.create_tags, Resources=[mine], Tags=note)
    assert denied(ec2.create_tags, Resources=[other], Tags=note)
    assert denied(ec2.create_tags, Resources=[mine], Tags=[{"Key": "stack", "Value": "other"}])


@pytest.mark.parametrize("key", ["aws:ResourceTag/stack", "ssm:resourceTag/stack"])
def test_a_command_needs_its_document_and_follows_the_tags_of_the_machine(harness: EmulatorHarness, key: str) -> None:
    document = allow(["ssm:SendCommand"], "arn:aws:ssm:eu-central-1::document/AWS-RunShellScript")
    machines = allow(["ssm:SendCommand"], f"{EC2}:instance/*", StringEquals={key: "mine"})
    mine, other = harness.launch(TagSpecifications=TAGS), harness.launch()
    for machine in (mine, other):
        harness.run(machine, "true")
    call = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
    both = harness.as_role("ssm", harness.role([document, machines])).send_command
    assert not denied(both, **call, InstanceIds=[mine])
    assert denied(both, **call, InstanceIds=[other])
    for statement in (document, machines):
        assert denied(harness.as_role("ssm", harness.role([statement])).send_command, **call, InstanceIds=[mine])


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("ssm:GetCommandInvocation", "get_command_invocation"),
        ("ssm:CancelCommand", "cancel_command"),
    ],
)
def test_calls_on_commands_are_allowed_on_anything_or_not_at_all(
    harness: EmulatorHarness, action: str, call: str
) -> None:
    machine = harness.launch()
    command = harness.send(machine, ["true"])
    harness.invocation(command, machine)
    arguments: dict[str, Any] = {"CommandId": command}
    if call == "get_command_invocation":
        arguments["InstanceId"] = machine
    allowed = harness.as_role("ssm", harness.role([allow([action])]))
    narrow = harness.as_role("ssm", harness.role([allow([action], f"{EC2}:instance/*")]))
    assert not denied(getattr(allowed, call), **arguments)
    assert denied(getattr(narrow, call), **arguments)


def test_items_follow_the_partition_keys_that_a_request_names(harness: EmulatorHarness) -> None:
    name = f"table-{uuid.uuid4().hex[:8]}"
    harness.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("owner", "id")],
    )
    leading = "dynamodb:LeadingKeys"
    condition = {"ForAllValues:StringLike": {leading: ["mine-?"]}, "Null": {leading: "false"}}
    dynamodb = harness.as_role("dynamodb", harness.role([allow(["dynamodb:*"], "*", **condition)]))

    def key(owner: str) -> dict[str, Any]:
        return {"owner": {"S": owner}, "id": {"S": "1"}}

    def query(owner: str) -> dict[str, Any]:
        names, values = {"#o": "owner"}, {":o": {"S": owner}, ":i": {"S": "1"}}
        return {
            "KeyConditionExpression": "id = :i AND #o = :o",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }

    for owner, expected in (("mine-1", False), ("mine-12", True), ("theirs", True), ("#queue", True)):
        found = {
            "put": denied(dynamodb.put_item, TableName=name, Item=key(owner)),
            "get": denied(dynamodb.get_item, TableName=name, Key=key(owner)),
            "update": denied(
                dynamodb.update_item,
                TableName=name,
                Key=key(owner),
                UpdateExpression="SET n = :n",
                ExpressionAttributeValues={":n": {"N": "1"}},
            ),
            "query": denied(dynamodb.query, TableName=name, **query(owner)),
            "delete": denied(dynamodb.delete_item, TableName=name, Key=key(owner)),
        }
        assert found == dict.fromkeys(found, expected), owner
    assert denied(dynamodb.scan, TableName=name), "a scan names no key"
