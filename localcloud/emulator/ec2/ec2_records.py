"""EC2's record of an instance, made from a launch and shown to callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id
from ministack.services import ec2

from localcloud.emulator.ec2.ec2_parameters import Ec2Error, Launch

Response = tuple[int, dict[str, str], bytes]
ARM_IMAGE_ID = "ami-0a2023a1b2c3d4e5f"


@dataclass(frozen=True)
class Reservation:
    """What one RunInstances call made; a repetition with the same client token gets it again, in its present state."""

    fingerprint: str
    id: str
    records: list[dict[str, Any]]

    def answer(self) -> Response:
        items = "".join(ec2._instance_xml(record) for record in self.records)
        inner = (
            f"<instancesSet>{items}</instancesSet><reservationId>{self.id}</reservationId>"
            f"<ownerId>{get_account_id()}</ownerId><groupSet/>"
        )
        answer: Response = ec2._xml(200, "RunInstancesResponse", inner)
        return answer


def with_lifecycle(render: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
    """Adds what MiniStack leaves out: spot lifecycle, client token, state reason."""

    def instance_xml(record: dict[str, Any]) -> str:
        extra = ""
        if record.get("_spot"):
            extra += "<instanceLifecycle>spot</instanceLifecycle>"
        if record.get("_client_token"):
            extra += f"<clientToken>{escape(record['_client_token'])}</clientToken>"
        if record.get("_state_reason"):
            code, _, message = record["_state_reason"].partition(": ")
            extra += f"<stateReason><code>{escape(code)}</code><message>{escape(message)}</message></stateReason>"
        return render(record).removesuffix("</item>") + extra + "</item>"

    return instance_xml


def resolve_profile(launch: Launch) -> dict[str, str] | None:
    asked = launch.data.get("IamInstanceProfile")
    if not asked:
        return None
    profile, error = ec2._resolve_iam_instance_profile(iam_arn=asked.get("Arn", ""), iam_name=asked.get("Name", ""))
    if error:
        name = asked.get("Name") or asked.get("Arn")
        kind = "name" if asked.get("Name") else "arn"
        message = (
            f"Value ({name}) for parameter iamInstanceProfile.{kind} is invalid. Invalid IAM Instance Profile {kind}"
        )
        raise Ec2Error("InvalidParameterValue", message)
    return dict(profile)


def create_record(launch: Launch, profile: dict[str, str] | None, token: str) -> dict[str, Any]:
    created = ec2._launch_instances_internal(
        image_id=launch.image_id,
        instance_type=launch.instance_type,
        subnet_id=launch.subnet["SubnetId"],
        count=1,
        key_name=launch.data.get("KeyName", ""),
        user_data=launch.data.get("UserData", ""),
        sg_ids=launch.security_group_ids,
        requested_private_ip=launch.data.get("PrivateIpAddress"),
        iam_profile=profile,
    )
    record: dict[str, Any] = created[0]
    zone = launch.subnet["AvailabilityZone"]
    record["VpcId"] = launch.subnet["VpcId"]
    record["Placement"] = {"AvailabilityZone": zone, "Tenancy": "default"}
    record["Architecture"] = "arm64" if launch.image_id == ARM_IMAGE_ID else "x86_64"
    record["_shutdown_behavior"] = launch.data.get("InstanceInitiatedShutdownBehavior", "stop")
    record["_spot"] = launch.is_spot
    record["_client_token"] = token
    for kind, resource_id in (("instance", record["InstanceId"]), ("volume", _root_volume(record, launch))):
        if launch.tags.get(kind):
            ec2._tags[resource_id] = [{"Key": key, "Value": value} for key, value in launch.tags[kind].items()]
    record["_tags"] = ec2._tags.get(record["InstanceId"], [])
    return record


def _root_volume(record: dict[str, Any], launch: Launch) -> str:
    """Gives the root volume what the launch asks for, and returns its id."""
    volume_id = str(record["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])
    volume = ec2._volumes[volume_id]
    mappings = launch.data.get("BlockDeviceMappings") or [{}]
    asked = mappings[0].get("Ebs", {})
    volume["AvailabilityZone"] = launch.subnet["AvailabilityZone"]
    volume["Encrypted"] = asked.get("Encrypted", False)
    volume["Size"] = asked.get("VolumeSize", volume["Size"])
    volume["VolumeType"] = asked.get("VolumeType", volume["VolumeType"])
    return volume_id


def forget_root_volumes(record: dict[str, Any]) -> None:
    for mapping in record.get("BlockDeviceMappings", []):
        if mapping["Ebs"].get("DeleteOnTermination"):
            ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
