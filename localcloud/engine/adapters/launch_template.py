"""EC2 launch templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.ec2_noun import tag_specifications
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs

_DATA = (
    "blockDeviceMappings",
    "iamInstanceProfile",
    "imageId",
    "instanceInitiatedShutdownBehavior",
    "instanceType",
    "metadataOptions",
    "monitoring",
    "tagSpecifications",
    "userData",
)


@carries("aws:ec2/launchTemplate:LaunchTemplate")
class LaunchTemplate(Adapter):
    replaced_by = ("name",)  # ec2/ec2_launch_template.go
    longest_name = 128  # API reference, CreateLaunchTemplate
    delete = deletes("ec2", "delete_launch_template", LaunchTemplateId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        inputs.get("updateDefaultVersion")  # a new template has one version, which is the default
        template = aws.client("ec2").create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData=_data(inputs),
            VersionDescription=inputs.get("description"),
            TagSpecifications=tag_specifications(desired, "launch-template"),
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
        answer = ec2.create_launch_template_version(
            LaunchTemplateId=resource_id,
            LaunchTemplateData=_data(inputs),
            VersionDescription=inputs.get("description"),
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
        live = {
            "Name": version["LaunchTemplateName"],
            "Description": version.get("VersionDescription"),
            "VpcSecurityGroupIds": data.get("SecurityGroupIds", []),
        }
        return self.live({**data, **live})


def _data(inputs: Inputs) -> dict[str, Any]:
    return {**inputs.take(*_DATA), "SecurityGroupIds": inputs.get("vpcSecurityGroupIds")}
