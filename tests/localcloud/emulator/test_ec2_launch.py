from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.localcloud.emulator.harness import EmulatorHarness, code_of

IMAGE = "ami-0123456789abcdef0"
ARM_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def template(harness: EmulatorHarness, **data: Any) -> dict[str, Any]:
    name = f"template-{uuid.uuid4().hex[:8]}"
    data = {"ImageId": IMAGE, "InstanceType": "t4g.micro", **data}
    made: dict[str, Any] = harness.client("ec2").create_launch_template(
        LaunchTemplateName=name, LaunchTemplateData=data
    )
    return dict(made["LaunchTemplate"])


def run(harness: EmulatorHarness, **call: Any) -> dict[str, Any]:
    return dict(harness.client("ec2").run_instances(MinCount=1, MaxCount=1, **call)["Instances"][0])


def refusal(harness: EmulatorHarness, **call: Any) -> str:
    return code_of(harness.client("ec2").run_instances, MinCount=1, MaxCount=1, **call)


def network(harness: EmulatorHarness) -> tuple[str, str, str]:
    """A VPC of its own: its id, a subnet in the second zone, a security group."""
    ec2 = harness.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone="eu-central-1b")["Subnet"]
    group = ec2.create_security_group(GroupName=f"g-{vpc}", Description="g", VpcId=vpc)["GroupId"]
    return vpc, subnet["SubnetId"], group


def test_a_launch_takes_what_it_does_not_say_from_the_template(harness: EmulatorHarness) -> None:
    vpc, subnet, group = network(harness)
    made = template(
        harness,
        SecurityGroupIds=[group],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]}
        ],
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "Encrypted": True}}],
    )
    launched = run(
        harness,
        LaunchTemplate={"LaunchTemplateId": made["LaunchTemplateId"]},
        InstanceType="t4g.small",
        SubnetId=subnet,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "b", "Value": "2"}]}],
    )
    assert (launched["ImageId"], launched["InstanceType"]) == (IMAGE, "t4g.small")
    assert (launched["VpcId"], launched["SubnetId"]) == (vpc, subnet)
    assert launched["Placement"]["AvailabilityZone"] == "eu-central-1b"
    assert [each["GroupId"] for each in launched["SecurityGroups"]] == [group]
    assert {tag["Key"]: tag["Value"] for tag in launched["Tags"]} == {"a": "1", "b": "2"}
    volume = launched["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    described = harness.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert (described["Size"], described["Encrypted"]) == (20, True)


@pytest.mark.parametrize(("version", "kind"), [("$Default", "t4g.micro"), ("$Latest", "t4g.large"), ("2", "t4g.large")])
def test_a_template_is_found_by_name_and_version(harness: EmulatorHarness, version: str, kind: str) -> None:
    made = template(harness)
    harness.client("ec2").create_launch_template_version(
        LaunchTemplateId=made["LaunchTemplateId"],
        LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t4g.large"},
    )
    named = {"LaunchTemplateName": made["LaunchTemplateName"], "Version": version}
    assert run(harness, LaunchTemplate=named)["InstanceType"] == kind


def test_an_image_can_be_resolved_through_a_public_parameter(harness: EmulatorHarness) -> None:
    value = harness.client("ssm").get_parameter(Name=ARM_PARAMETER)["Parameter"]["Value"]
    launched = run(harness, ImageId=f"resolve:ssm:{ARM_PARAMETER}")
    assert (launched["ImageId"], launched["Architecture"]) == (value, "arm64")


def test_a_spot_launch_from_a_template_is_recorded_as_spot(harness: EmulatorHarness) -> None:
    made = template(harness, InstanceMarketOptions={"MarketType": "spot"})
    launched = run(harness, LaunchTemplate={"LaunchTemplateId": made["LaunchTemplateId"]})
    assert launched["InstanceLifecycle"] == "spot"


def test_the_same_client_token_gives_the_same_machine_even_when_it_is_gone(harness: EmulatorHarness) -> None:
    call = {"ImageId": IMAGE, "ClientToken": uuid.uuid4().hex}
    first = run(harness, **call)
    harness.client("ec2").terminate_instances(InstanceIds=[first["InstanceId"]])
    harness.wait_state(first["InstanceId"], "terminated")
    again = run(harness, **call)
    assert again["InstanceId"] == first["InstanceId"]
    assert again["State"]["Name"] == "terminated"


def test_a_client_token_with_other_parameters_is_refused(harness: EmulatorHarness) -> None:
    token = uuid.uuid4().hex
    run(harness, ImageId=IMAGE, ClientToken=token)
    assert refusal(harness, ImageId=IMAGE, InstanceType="t4g.small", ClientToken=token) == "IdempotentParameterMismatch"


def test_a_refused_launch_does_not_use_up_its_client_token(harness: EmulatorHarness) -> None:
    harness.set_faults(insufficient_capacity=1)
    call = {"ImageId": IMAGE, "ClientToken": uuid.uuid4().hex}
    assert refusal(harness, **call) == "InsufficientInstanceCapacity"
    assert run(harness, **call)["InstanceId"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"LaunchTemplate": {"LaunchTemplateId": "lt-0123456789abcdef0"}}, "InvalidLaunchTemplateId.NotFound"),
        ({"LaunchTemplate": {"LaunchTemplateName": "none"}}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"ImageId": IMAGE, "SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"ImageId": IMAGE, "SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"ImageId": "ami-wrong"}, "InvalidAMIID.Malformed"),
        ({"ImageId": "resolve:ssm:/no/such/parameter"}, "InvalidParameterValue"),
        ({}, "MissingParameter"),
        ({"ImageId": IMAGE, "IamInstanceProfile": {"Name": "none"}}, "InvalidParameterValue"),
        ({"ImageId": IMAGE, "UserData": "#" * 17_000}, "InvalidParameterValue"),
    ],
)
def test_a_wrong_launch_is_refused_with_the_code_that_ec2_uses(
    harness: EmulatorHarness, call: dict[str, Any], code: str
) -> None:
    assert refusal(harness, **call) == code


def test_a_version_that_does_not_exist_is_refused(harness: EmulatorHarness) -> None:
    named = {"LaunchTemplateId": template(harness)["LaunchTemplateId"], "Version": "7"}
    assert refusal(harness, LaunchTemplate=named) == "InvalidLaunchTemplateId.VersionNotFound"


def test_a_security_group_of_another_network_is_refused(harness: EmulatorHarness) -> None:
    _, subnet, _ = network(harness)
    _, _, foreign = network(harness)
    assert refusal(harness, ImageId=IMAGE, SubnetId=subnet, SecurityGroupIds=[foreign]) == "InvalidParameter"


def test_a_subnet_beside_network_interfaces_is_refused(harness: EmulatorHarness) -> None:
    _, subnet, group = network(harness)
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}
    code = refusal(harness, ImageId=IMAGE, SubnetId=subnet, NetworkInterfaces=[interface])
    assert code == "InvalidParameterCombination"
    assert run(harness, ImageId=IMAGE, NetworkInterfaces=[interface])["SubnetId"] == subnet


def test_terminating_twice_is_allowed_and_an_unknown_machine_is_not_found(harness: EmulatorHarness) -> None:
    ec2 = harness.client("ec2")
    machine = run(harness, ImageId=IMAGE)["InstanceId"]
    ec2.terminate_instances(InstanceIds=[machine])
    harness.wait_state(machine, "terminated")
    again = ec2.terminate_instances(InstanceIds=[machine])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == "terminated"
    assert code_of(ec2.terminate_instances, InstanceIds=["i-0123456789abcdef0"]) == "InvalidInstanceID.NotFound"
