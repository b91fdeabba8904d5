from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.localcloud.emulator.lab import Lab

IMAGE = "ami-0123456789abcdef0"
ARM_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


def template(lab: Lab, **data: Any) -> dict[str, Any]:
    name = f"template-{uuid.uuid4().hex[:8]}"
    data = {"ImageId": IMAGE, "InstanceType": "t4g.micro", **data}
    made: dict[str, Any] = lab.client("ec2").create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return dict(made["LaunchTemplate"])


def run(lab: Lab, **call: Any) -> dict[str, Any]:
    return dict(lab.client("ec2").run_instances(MinCount=1, MaxCount=1, **call)["Instances"][0])


def code_of(lab: Lab, **call: Any) -> str:
    with pytest.raises(ClientError) as refused:
        lab.client("ec2").run_instances(**{"MinCount": 1, "MaxCount": 1, **call})
    return str(refused.value.response["Error"]["Code"])


def network(lab: Lab) -> tuple[str, str, str]:
    """A VPC of its own: its id, a subnet in the second zone, a security group."""
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone="eu-central-1b")["Subnet"]
    group = ec2.create_security_group(GroupName=f"g-{vpc}", Description="g", VpcId=vpc)["GroupId"]
    return vpc, subnet["SubnetId"], group


def test_a_launch_takes_what_it_does_not_say_from_the_template(lab: Lab) -> None:
    vpc, subnet, group = network(lab)
    made = template(
        lab,
        SecurityGroupIds=[group],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]}
        ],
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "Encrypted": True}}],
    )
    launched = run(
        lab,
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
    described = lab.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert (described["Size"], described["Encrypted"]) == (20, True)


@pytest.mark.parametrize(("version", "kind"), [("$Default", "t4g.micro"), ("$Latest", "t4g.large"), ("2", "t4g.large")])
def test_a_template_is_found_by_name_and_version(lab: Lab, version: str, kind: str) -> None:
    made = template(lab)
    lab.client("ec2").create_launch_template_version(
        LaunchTemplateId=made["LaunchTemplateId"],
        LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "t4g.large"},
    )
    named = {"LaunchTemplateName": made["LaunchTemplateName"], "Version": version}
    assert run(lab, LaunchTemplate=named)["InstanceType"] == kind


def test_an_image_can_be_resolved_through_a_public_parameter(lab: Lab) -> None:
    value = lab.client("ssm").get_parameter(Name=ARM_PARAMETER)["Parameter"]["Value"]
    launched = run(lab, ImageId=f"resolve:ssm:{ARM_PARAMETER}")
    assert (launched["ImageId"], launched["Architecture"]) == (value, "arm64")


def test_a_spot_launch_from_a_template_is_recorded_as_spot(lab: Lab) -> None:
    made = template(lab, InstanceMarketOptions={"MarketType": "spot"})
    launched = run(lab, LaunchTemplate={"LaunchTemplateId": made["LaunchTemplateId"]})
    assert launched["InstanceLifecycle"] == "spot"


def test_the_same_client_token_gives_the_same_machine_even_when_it_is_gone(lab: Lab) -> None:
    call = {"ImageId": IMAGE, "ClientToken": uuid.uuid4().hex}
    first = run(lab, **call)
    lab.client("ec2").terminate_instances(InstanceIds=[first["InstanceId"]])
    lab.wait_state(first["InstanceId"], "terminated")
    again = run(lab, **call)
    assert again["InstanceId"] == first["InstanceId"]
    assert again["State"]["Name"] == "terminated"


def test_a_client_token_with_other_parameters_is_refused(lab: Lab) -> None:
    token = uuid.uuid4().hex
    run(lab, ImageId=IMAGE, ClientToken=token)
    assert code_of(lab, ImageId=IMAGE, InstanceType="t4g.small", ClientToken=token) == "IdempotentParameterMismatch"


def test_a_refused_launch_does_not_use_up_its_client_token(lab: Lab) -> None:
    lab.set_faults(insufficient_capacity=1)
    call = {"ImageId": IMAGE, "ClientToken": uuid.uuid4().hex}
    assert code_of(lab, **call) == "InsufficientInstanceCapacity"
    assert run(lab, **call)["InstanceId"]


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
def test_a_wrong_launch_is_refused_with_the_code_that_ec2_uses(lab: Lab, call: dict[str, Any], code: str) -> None:
    assert code_of(lab, **call) == code


def test_a_version_that_does_not_exist_is_refused(lab: Lab) -> None:
    named = {"LaunchTemplateId": template(lab)["LaunchTemplateId"], "Version": "7"}
    assert code_of(lab, LaunchTemplate=named) == "InvalidLaunchTemplateId.VersionNotFound"


def test_a_security_group_of_another_network_is_refused(lab: Lab) -> None:
    _, subnet, _ = network(lab)
    _, _, foreign = network(lab)
    assert code_of(lab, ImageId=IMAGE, SubnetId=subnet, SecurityGroupIds=[foreign]) == "InvalidParameter"


def test_a_subnet_beside_network_interfaces_is_refused(lab: Lab) -> None:
    _, subnet, group = network(lab)
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group]}
    code = code_of(lab, ImageId=IMAGE, SubnetId=subnet, NetworkInterfaces=[interface])
    assert code == "InvalidParameterCombination"
    assert run(lab, ImageId=IMAGE, NetworkInterfaces=[interface])["SubnetId"] == subnet


def test_terminating_twice_is_allowed_and_an_unknown_machine_is_not_found(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    machine = run(lab, ImageId=IMAGE)["InstanceId"]
    ec2.terminate_instances(InstanceIds=[machine])
    lab.wait_state(machine, "terminated")
    again = ec2.terminate_instances(InstanceIds=[machine])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == "terminated"
    with pytest.raises(ClientError) as refused:
        ec2.terminate_instances(InstanceIds=["i-0123456789abcdef0"])
    assert refused.value.response["Error"]["Code"] == "InvalidInstanceID.NotFound"
