"""EC2 launch templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import PROVIDERS_OWN, Adapter, Created, carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.adapters.network import tag_specifications
from localcloud.engine.inputs import camel_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_PLAIN = (
    "creditSpecification",
    "disableApiStop",
    "disableApiTermination",
    "iamInstanceProfile",
    "imageId",
    "instanceInitiatedShutdownBehavior",
    "instanceType",
    "keyName",
    "maintenanceOptions",
    "metadataOptions",
    "monitoring",
    "placement",
    "privateDnsNameOptions",
    "userData",
)
_INTERFACE = ("description", "deviceIndex", "networkInterfaceId", "subnetId", "interfaceType", "networkCardIndex")
_INTERFACE_FLAGS = ("associatePublicIpAddress", "deleteOnTermination")
_EBS = ("iops", "kmsKeyId", "snapshotId", "throughput", "volumeSize", "volumeType")
_EBS_FLAGS = ("deleteOnTermination", "encrypted")


@carries("aws:ec2/launchTemplate:LaunchTemplate")
class LaunchTemplate(Adapter):
    unread: ClassVar = {"updateDefaultVersion": PROVIDERS_OWN}

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        inputs.get("updateDefaultVersion")  # a new template has one version, which is the default
        description = {"VersionDescription": inputs["description"]} if "description" in inputs else {}
        template = aws.client("ec2").create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData=_data(inputs),
            **description,
            **tag_specifications(desired, "launch-template"),
        )["LaunchTemplate"]
        identity = template["LaunchTemplateId"]
        outputs = {
            "name": name,
            "arn": aws.arn("ec2", f"launch-template/{identity}"),
            "latestVersion": int(template["LatestVersionNumber"]),
            "defaultVersion": int(template["DefaultVersionNumber"]),
        }
        return Created(identity, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("ec2").delete_launch_template(LaunchTemplateId=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        ec2, inputs = aws.client("ec2"), desired.inputs
        description = {"VersionDescription": inputs["description"]} if "description" in inputs else {}
        data = _data(inputs)
        answer = ec2.create_launch_template_version(
            LaunchTemplateId=resource_id, LaunchTemplateData=data, **description
        )
        latest = int(answer["LaunchTemplateVersion"]["VersionNumber"])
        if not inputs.get("updateDefaultVersion"):
            return {"latestVersion": latest}
        ec2.modify_launch_template(LaunchTemplateId=resource_id, DefaultVersion=str(latest))
        return {"latestVersion": latest, "defaultVersion": latest}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("ec2").describe_launch_template_versions(LaunchTemplateId=resource_id, Versions=["$Latest"])
        version = answer["LaunchTemplateVersions"][0]
        data = version["LaunchTemplateData"]
        return {
            **camel(data, "ebsOptimized", "instanceMarketOptions", *_PLAIN),
            "name": version["LaunchTemplateName"],
            "description": version.get("VersionDescription"),
            "vpcSecurityGroupIds": data.get("SecurityGroupIds", []),
            "securityGroupNames": data.get("SecurityGroups", []),
            "blockDeviceMappings": camel_keys(data.get("BlockDeviceMappings", [])),
            "networkInterfaces": [_live_interface(each) for each in data.get("NetworkInterfaces", [])],
            "tagSpecifications": [_live_tags(each) for each in data.get("TagSpecifications", [])],
        }


def _data(inputs: Inputs) -> dict[str, Any]:
    data = inputs.pick(*_PLAIN)
    data |= _flags(inputs, ("ebsOptimized",))
    renamed = {"SecurityGroupIds": "vpcSecurityGroupIds", "SecurityGroups": "securityGroupNames"}
    data |= {parameter: inputs[key] for parameter, key in renamed.items() if key in inputs}
    data |= inputs.pick("instanceMarketOptions")
    lists = {
        "BlockDeviceMappings": [_device(device) for device in inputs.children("blockDeviceMappings")],
        "NetworkInterfaces": [_interface(interface) for interface in inputs.children("networkInterfaces")],
        "TagSpecifications": [_tags(specification) for specification in inputs.children("tagSpecifications")],
    }
    return {**data, **{key: value for key, value in lists.items() if value}}


def _device(given: Inputs) -> dict[str, Any]:
    device = given.pick("deviceName", "noDevice", "virtualName")
    ebs = given.child("ebs")
    return device if ebs is None else {**device, "Ebs": {**ebs.pick(*_EBS), **_flags(ebs, _EBS_FLAGS)}}


def _interface(given: Inputs) -> dict[str, Any]:
    interface = {**given.pick(*_INTERFACE), **_flags(given, _INTERFACE_FLAGS)}
    if "securityGroups" in given:
        interface["Groups"] = given["securityGroups"]
    interface.setdefault("DeviceIndex", 0)
    return interface


def _live_interface(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**camel_keys(found), "securityGroups": found.get("Groups", [])}


def _live_tags(found: Mapping[str, Any]) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    return {"resourceType": found["ResourceType"], "tags": tags}


def _tags(given: Inputs) -> dict[str, Any]:
    tags = [{"Key": key, "Value": value} for key, value in given.get("tags", {}).items()]
    return {"ResourceType": given["resourceType"], "Tags": tags}


def _flags(given: Inputs, keys: tuple[str, ...]) -> dict[str, bool]:
    """Booleans that the provider takes as text ("true"), so that unset can be told from false."""
    return {key[:1].upper() + key[1:]: str(given[key]).lower() == "true" for key in keys if key in given}
