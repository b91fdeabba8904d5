"""What a RunInstances call asks for once its launch template is merged in.

MiniStack reads launch templates but RunInstances ignores them. Rules: EC2 API reference, RunInstances ("any parameters
that you specify override the same parameters in the launch template"), and its error codes.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from ministack.services import ec2, ssm

MAX_USER_DATA_BYTES = 16_384
RESOLVE_PREFIX = "resolve:ssm:"
_IMAGE_ID = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")

Parameters = dict[str, Any]


class Ec2Error(Exception):
    """A refusal in EC2's terms."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Launch:
    """The merged request, in the shape of launch template data; tags by resource type.

    Attributes:
        image_parameter: name of the public SSM parameter that the image came from, if any.
        template_arn: the launch template used, if any.
        from_template: top-level names that the call left to the template.
    """

    data: dict[str, Any]
    image_id: str
    image_parameter: str | None
    subnet: dict[str, Any]
    security_group_ids: list[str]
    tags: dict[str, dict[str, str]]
    count: int
    template_arn: str | None = None
    from_template: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_spot(self) -> bool:
        return bool(self.data.get("InstanceMarketOptions", {}).get("MarketType") == "spot")

    @property
    def instance_type(self) -> str:
        return str(self.data.get("InstanceType", "m1.small"))  # EC2's documented default


def read_launch(params: Parameters) -> Launch:
    """Merges and checks a RunInstances call in the current account and region.

    Raises:
        Ec2Error: with the code that EC2 answers.
    """
    call = ec2._parse_lt_data({f"Call.{key}": value for key, value in params.items()}, "Call")
    call.update({key: ec2._p(params, key) for key in ("SubnetId", "PrivateIpAddress") if ec2._p(params, key)})
    template, template_arn = _template(params)
    data = {**template, **call}
    image_id, image_parameter = _image(data)
    subnet, groups = _network(data)
    _check_user_data(data)
    return Launch(
        data=data,
        image_id=image_id,
        image_parameter=image_parameter,
        subnet=subnet,
        security_group_ids=groups,
        tags=_merged_tags(template, call),
        count=_count(params),
        template_arn=template_arn,
        from_template=frozenset(template) - frozenset(call),
    )


def read_market_options(params: Parameters, prefix: str) -> dict[str, Any]:
    """InstanceMarketOptions below a prefix, which MiniStack's own reader leaves out; empty when not given."""
    market = ec2._p(params, f"{prefix}.InstanceMarketOptions.MarketType")
    return {"MarketType": market} if market else {}


def _template(params: Parameters) -> tuple[dict[str, Any], str | None]:
    template_id = ec2._p(params, "LaunchTemplate.LaunchTemplateId")
    name = ec2._p(params, "LaunchTemplate.LaunchTemplateName")
    if not template_id and not name:
        return {}, None
    found = next(
        (
            t
            for t in ec2._launch_templates.values()
            if name == t["LaunchTemplateName"] or t["LaunchTemplateId"] == template_id
        ),
        None,
    )
    if found is None and template_id:
        message = f"The specified launch template, with template ID {template_id}, does not exist."
        raise Ec2Error("InvalidLaunchTemplateId.NotFound", message)
    if found is None:
        message = f"The specified launch template, with template name {name}, does not exist."
        raise Ec2Error("InvalidLaunchTemplateName.NotFoundException", message)
    arn = f"arn:aws:ec2:{ec2.get_region()}:{ec2.get_account_id()}:launch-template/{found['LaunchTemplateId']}"
    return _version(found, ec2._p(params, "LaunchTemplate.Version") or "$Default"), arn


def _version(template: dict[str, Any], wanted: str) -> dict[str, Any]:
    numbers = {"$Default": template["DefaultVersionNumber"], "$Latest": template["LatestVersionNumber"]}
    number = str(numbers.get(wanted, wanted))
    for version in template["Versions"]:
        if str(version["VersionNumber"]) == number:
            return dict(version["LaunchTemplateData"])
    message = (
        f"Could not find the specified version {wanted} for the launch template with ID {template['LaunchTemplateId']}."
    )
    raise Ec2Error("InvalidLaunchTemplateId.VersionNotFound", message)


def _image(data: dict[str, Any]) -> tuple[str, str | None]:
    image_id = data.get("ImageId", "")
    parameter = image_id.removeprefix(RESOLVE_PREFIX) if image_id.startswith(RESOLVE_PREFIX) else None
    if parameter is not None:
        found, _ = ssm._select_parameter(parameter)
        if found is None:
            raise Ec2Error("InvalidParameterValue", f"The SSM parameter {parameter} does not exist.")
        image_id = found.get("OriginalValue", found["Value"])
    if not image_id:
        raise Ec2Error("MissingParameter", "The request must contain the parameter ImageId")
    if not _IMAGE_ID.fullmatch(image_id):
        raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    return image_id, parameter


def _network(data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    interfaces = data.get("NetworkInterfaces") or []
    primary = interfaces[0] if interfaces else {}
    for name, what in (("SubnetId", "subnet ID"), ("SecurityGroupIds", "security groups")):
        if interfaces and data.get(name):
            message = f"Network interfaces and an instance-level {what} may not be specified on the same request"
            raise Ec2Error("InvalidParameterCombination", message)
    subnet_id = primary.get("SubnetId") or data.get("SubnetId") or ec2._DEFAULT_SUBNET_ID
    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise Ec2Error("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    groups = primary.get("Groups") or data.get("SecurityGroupIds") or []
    for group_id in groups:
        group = ec2._security_groups.get(group_id)
        if group is None:
            raise Ec2Error("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if group["VpcId"] != subnet["VpcId"]:
            message = f"Security group {group_id} and subnet {subnet_id} belong to different networks."
            raise Ec2Error("InvalidParameter", message)
    return subnet, list(groups) or _default_groups(subnet["VpcId"])


def _default_groups(vpc_id: str) -> list[str]:
    groups = ec2._security_groups.values()
    return [g["GroupId"] for g in groups if g["VpcId"] == vpc_id and g["GroupName"] == "default"][:1]


def _check_user_data(data: dict[str, Any]) -> None:
    try:
        size = len(base64.b64decode(data.get("UserData", ""), validate=True))
    except binascii.Error as error:
        raise Ec2Error("InvalidParameterValue", "Invalid BASE64 encoding of user data.") from error
    if size > MAX_USER_DATA_BYTES:
        raise Ec2Error("InvalidParameterValue", f"User data is limited to {MAX_USER_DATA_BYTES} bytes")


def _merged_tags(template: dict[str, Any], call: dict[str, Any]) -> dict[str, dict[str, str]]:
    merged: dict[str, dict[str, str]] = {}
    for source in (template, call):
        for specification in source.get("TagSpecifications", []):
            tags = merged.setdefault(specification["ResourceType"], {})
            tags.update({tag["Key"]: tag["Value"] for tag in specification["Tags"]})
    return merged


def _count(params: Parameters) -> int:
    minimum, maximum = int(ec2._p(params, "MinCount") or 0), int(ec2._p(params, "MaxCount") or 0)
    if not 1 <= minimum <= maximum:
        message = f"Value ({minimum}) for parameter minCount is invalid. It must be 1 to maxCount ({maximum})."
        raise Ec2Error("InvalidParameterValue", message)
    return maximum
