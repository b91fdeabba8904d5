"""What AWS checks before it launches, stops or terminates an instance, or tags one.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2", and EC2 user guide,
"Example policies to control access the Amazon EC2 API". Upstream MiniStack checks RunInstances on one resource, knows
no EC2 condition keys, and never meets a condition on a resource's or a request's tags.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from localcloud.emulator.ec2 import spot_role
from localcloud.emulator.ec2.ec2_parameters import Ec2Error, Launch, read_launch
from localcloud.emulator.ec2.visibility import is_known
from localcloud.emulator.iam.request_context import ApiCall, Check
from localcloud.emulator.iam.roles import role_of_profile
from localcloud.emulator.settings import Scope

Context = dict[str, Any]
TAGGED_ON_LAUNCH = ("instance", "volume", "network-interface", "spot-instances-request")


def checks_for_run_instances(call: ApiCall) -> list[Check] | None:
    """One check for each resource used or made, for each kind that is tagged, and for the role that is passed on."""
    try:
        launch = read_launch(call.params)
    except Ec2Error:
        return None  # refused by the handler, in EC2's words, if the caller may launch at all
    checks = [Check("ec2:RunInstances", arn, context) for arn, context in _launch_resources(launch)]
    checks += [
        Check("ec2:CreateTags", _arn(kind, "*"), {**_request_tags(tags), "ec2:createaction": "RunInstances"})
        for kind, tags in launch.tags.items()
        if tags and kind in TAGGED_ON_LAUNCH
    ]
    if launch.image_parameter is not None:
        account_id = "" if launch.image_parameter.startswith("/aws/service/") else get_account_id()
        arn = f"arn:aws:ssm:{get_region()}:{account_id}:parameter{launch.image_parameter}"
        checks.append(Check("ssm:GetParameters", arn))
    profile = launch.data.get("IamInstanceProfile")
    if profile:
        checks.append(Check("iam:PassRole", _passed_role(profile), {"iam:passedtoservice": "ec2.amazonaws.com"}))
    return checks + (spot_role.checks() if launch.is_spot else [])


def checks_on_instances(action: str, call: ApiCall) -> list[Check] | None:
    """One check for each instance named, be it known or not: see `_instance_context`."""
    ids = ec2._parse_member_list(call.params, "InstanceId")
    return [Check(action, _arn("instance", each), _instance_context(each)) for each in ids] or None


def checks_for_create_tags(call: ApiCall) -> list[Check] | None:
    """CreateTags on things that exist already: one check for each, with the tags of both sides."""
    ids = ec2._parse_member_list(call.params, "ResourceId")
    asked = {tag["Key"]: tag["Value"] for tag in ec2._parse_tags(call.params)}
    checks = []
    for each in ids:
        kind = ec2._guess_resource_type(each)
        tags = _instance_context(each) if kind == "instance" else resource_tags(each)
        checks.append(Check("ec2:CreateTags", _arn(kind, each), {**tags, **_request_tags(asked)}))
    return checks or None


def resource_tags(resource_id: str, *prefixes: str) -> Context:
    """The tags of an EC2 resource as condition keys, below `aws:ResourceTag/`, `ec2:ResourceTag/` and more prefixes."""
    tags = {tag["Key"]: tag["Value"] for tag in ec2._tags.get(resource_id, [])}
    return {
        f"{prefix}/{key}".lower(): value
        for prefix in ("aws:ResourceTag", "ec2:ResourceTag", *prefixes)
        for key, value in tags.items()
    }


def instance_arn(instance_id: str) -> str:
    return _arn("instance", instance_id)


def _launch_resources(launch: Launch) -> list[tuple[str, Context]]:
    zone = {"ec2:availabilityzone": launch.subnet["AvailabilityZone"]}
    vpc = {"ec2:vpc": _arn("vpc", launch.subnet["VpcId"])}
    subnet_id = launch.subnet["SubnetId"]
    made = {
        "instance": {**zone, **_instance_request(launch)},
        "volume": {**zone, **_volume_request(launch)},
        "network-interface": {**zone, **vpc, "ec2:subnet": _arn("subnet", subnet_id)},
    }
    if launch.tags.get("spot-instances-request"):  # evaluated only when the request itself is tagged
        made["spot-instances-request"] = {}
    image_arn = f"arn:aws:ec2:{get_region()}::image/{launch.image_id}"
    resources = [
        (_arn(kind, "*"), {**context, **_request_tags(launch.tags.get(kind, {})), **_template_keys(launch, kind)})
        for kind, context in made.items()
    ]
    used: list[tuple[str, str, Context]] = [
        (image_arn, "image", {"ec2:imagetype": "machine", "ec2:public": "true", "ec2:owner": "amazon"}),
        (_arn("subnet", subnet_id), "subnet", {**zone, **vpc, **resource_tags(subnet_id)}),
    ]
    used += [
        (_arn("security-group", each), "security-group", {**vpc, **resource_tags(each)})
        for each in launch.security_group_ids
    ]
    if launch.template_arn is not None:
        used.append((launch.template_arn, "launch-template", resource_tags(launch.template_arn.rsplit("/", 1)[-1])))
    resources += [(arn, {**context, **_template_keys(launch, kind)}) for arn, kind, context in used]
    return [(arn, {**context, "ec2:region": get_region()}) for arn, context in resources]


_NAMED_BY = {
    "image": "ImageId",
    "instance": "InstanceType",
    "security-group": "SecurityGroupIds",
    "subnet": "SubnetId",
    "network-interface": "NetworkInterfaces",
    "volume": "BlockDeviceMappings",
}


def _template_keys(launch: Launch, kind: str) -> Context:
    """`ec2:LaunchTemplate`, and whether the template and not the call says what this resource is."""
    if launch.template_arn is None:
        return {}
    from_template = kind == "launch-template" or _NAMED_BY.get(kind, "") in launch.from_template
    return {"ec2:launchtemplate": launch.template_arn, "ec2:islaunchtemplateresource": str(from_template).lower()}


def _instance_request(launch: Launch) -> Context:
    metadata = launch.data.get("MetadataOptions", {})
    context = {
        "ec2:instancetype": launch.instance_type,
        "ec2:instancemarkettype": "spot" if launch.is_spot else "on-demand",
        "ec2:metadatahttptokens": metadata.get("HttpTokens", "optional"),
        "ec2:metadatahttpendpoint": metadata.get("HttpEndpoint", "enabled"),
        "ec2:metadatahttpputresponsehoplimit": str(metadata.get("HttpPutResponseHopLimit", 1)),
        "ec2:rootdevicetype": "ebs",
        "ec2:tenancy": "default",
    }
    profile = launch.data.get("IamInstanceProfile")
    return {**context, "ec2:instanceprofile": _profile_arn(profile)} if profile else context


def _volume_request(launch: Launch) -> Context:
    mappings = launch.data.get("BlockDeviceMappings") or [{}]
    disk = mappings[0].get("Ebs", {})
    return {
        "ec2:encrypted": str(disk.get("Encrypted", False)).lower(),
        "ec2:volumesize": str(disk.get("VolumeSize", 8)),
        "ec2:volumetype": disk.get("VolumeType", "gp2"),
    }


def _instance_context(instance_id: str) -> Context:
    """What a policy may ask about an instance: of one that EC2 does not know, not its tags.

    So a call whose right depends on them is answered UnauthorizedOperation, and one whose right does not reaches the
    handler, which answers NotFound (runs-on/terraform-aws-runs-on#60; aws/karpenter-provider-aws#2100 and its pull
    request 2253).
    """
    if not is_known(instance_id):
        return {"ec2:region": get_region()}
    record = ec2._instances[instance_id]
    return {
        **resource_tags(instance_id),
        "ec2:instancetype": record["InstanceType"],
        "ec2:availabilityzone": record["Placement"]["AvailabilityZone"],
        "ec2:region": get_region(),
    }


def _request_tags(tags: dict[str, str]) -> Context:
    if not tags:
        return {}
    return {**{f"aws:requesttag/{key}".lower(): value for key, value in tags.items()}, "aws:tagkeys": list(tags)}


def _profile_arn(asked: dict[str, str]) -> str:
    profile, _ = ec2._resolve_iam_instance_profile(
        iam_arn=asked.get("Arn", ""), iam_name=asked.get("Name", ""), allow_missing=True
    )
    return str(profile["Arn"])


def _passed_role(asked: dict[str, str]) -> str:
    return role_of_profile(Scope(get_account_id(), get_region()), _profile_arn(asked)) or "*"


def _arn(kind: str, resource_id: str) -> str:
    return f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{resource_id}"
