"""EC2 launch templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, PROVIDERS_OWN, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import camel
from localcloud.engine.adapters.network import tag_specifications
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs, camel_keys

_PLAIN = (
    "iamInstanceProfile",
    "imageId",
    "instanceInitiatedShutdownBehavior",
    "instanceType",
    "metadataOptions",
    "monitoring",
    "userData",
)
_EBS = ("volumeSize", "volumeType")
_EBS_FLAGS = ("deleteOnTermination", "encrypted")


@carries("aws:ec2/launchTemplate:LaunchTemplate")
class LaunchTemplate(Adapter):
    unread: ClassVar = {"updateDefaultVersion": PROVIDERS_OWN}
    delete = deletes("ec2", "delete_launch_template", LaunchTemplateId=ID)

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
            **camel(data, *_PLAIN),
            "name": version["LaunchTemplateName"],
            "description": version.get("VersionDescription"),
            "vpcSecurityGroupIds": data.get("SecurityGroupIds", []),
            "blockDeviceMappings": camel_keys(data.get("BlockDeviceMappings", [])),
            "tagSpecifications": [
                {"resourceType": each["ResourceType"], "tags": {tag["Key"]: tag["Value"] for tag in each["Tags"]}}
                for each in data.get("TagSpecifications", [])
            ],
        }


def _data(inputs: Inputs) -> dict[str, Any]:
    data = inputs.pick(*_PLAIN)
    if "vpcSecurityGroupIds" in inputs:
        data["SecurityGroupIds"] = inputs["vpcSecurityGroupIds"]
    if "blockDeviceMappings" in inputs:
        data["BlockDeviceMappings"] = [_device(device) for device in inputs.children("blockDeviceMappings")]
    if "tagSpecifications" in inputs:
        given = inputs.children("tagSpecifications")
        data["TagSpecifications"] = [
            {"ResourceType": each["resourceType"], "Tags": [{"Key": k, "Value": v} for k, v in each["tags"].items()]}
            for each in given
        ]
    return data


def _device(given: Inputs) -> dict[str, Any]:
    device = given.pick("deviceName")
    ebs = given.child("ebs")
    return device if ebs is None else {**device, "Ebs": {**ebs.pick(*_EBS), **_flags(ebs, _EBS_FLAGS)}}


def _flags(given: Inputs, keys: tuple[str, ...]) -> dict[str, bool]:
    """Booleans that the provider takes as text ("true"), so that unset can be told from false."""
    return {key[:1].upper() + key[1:]: str(given[key]).lower() == "true" for key in keys if key in given}
