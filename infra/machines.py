"""What a machine is made from: launch template, instance role, and the log group of what scripts print."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import DEFAULT_ROOT_DEVICE, StackConfig
from infra.network import Network
from infra.policies import Statement, assumed_by, policy

# Minutes beyond all other limits after which a machine ends itself, if nothing else has ended it.
_GRACE_MINUTES = 15
# What every launch creates and a template can tag (EC2 API reference, LaunchTemplateTagSpecificationRequest).
_TAGGED = ("instance", "volume", "network-interface")
# Minutes for fetching the file and storing the result, besides the script's own time.
TRANSFER_MINUTES = 30

# systemd keeps the timer of `shutdown` in /run, so it is gone after a reboot or a stop, and a plain script of user data
# runs at the first boot alone. cloud-init runs a part of this type at every boot (its guide, "User-data formats"; since
# 22.1, Amazon Linux 2023 has 22.2). The part's name is the file's: no image has one of that name, and it comes first,
# since files run by name and one may never end. A list of modules in cloud-config would replace the image's own.
_EVERY_BOOT = """\
Content-Type: multipart/mixed; boundary="//"
MIME-Version: 1.0

--//
Content-Type: text/x-shellscript-per-boot; charset="us-ascii"
Content-Disposition: attachment; filename="00-mayfly-deadline"

#!/bin/sh
# The machine's own deadline, whatever becomes of everything else.
shutdown -h +{minutes}

--//--
"""


@dataclass(frozen=True)
class MachinesArgs:
    config: StackConfig
    network: Network
    tags: Mapping[str, str]


class Machines(pulumi.ComponentResource):
    """`launch_template_id`, `launch_template_arn`, `role_arn`, `log_group` (name) and `log_group_arn`."""

    launch_template_id: pulumi.Output[str]
    launch_template_arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    log_group: pulumi.Output[str]
    log_group_arn: pulumi.Output[str]

    def __init__(self, name: str, args: MachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Machines", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        config = args.config
        log = aws.cloudwatch.LogGroup(
            name, name=f"/mayfly/{config.stack}/machines", retention_in_days=config.log_retention_days, opts=child
        )
        role = aws.iam.Role(
            name,
            assume_role_policy=assumed_by("ec2.amazonaws.com"),
            description="What a machine may do: be reached by SSM and write the job's log",
            permissions_boundary=config.permissions_boundary,
            opts=child,
        )
        rights = aws.iam.RolePolicy(name, role=role.name, policy=policy(_policy(log.arn)), opts=child)
        profile = aws.iam.InstanceProfile(name, role=role.name, opts=child)
        template = aws.ec2.LaunchTemplate(
            name,
            description="One machine for one job",
            image_id=f"resolve:ssm:{config.image_parameter}",
            iam_instance_profile={"arn": profile.arn},
            instance_initiated_shutdown_behavior="terminate",
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            vpc_security_group_ids=[args.network.security_group_id],
            block_device_mappings=[
                {
                    "device_name": self._root_device(config),
                    "ebs": {
                        "volume_size": config.machine_disk_gib,
                        "volume_type": "gp3",
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            # The stack's own, and the organisation's, which may forbid to launch what lacks them; a launch adds others.
            tag_specifications=[{"resource_type": kind, "tags": dict(args.tags)} for kind in _TAGGED],
            user_data=base64.b64encode(_user_data(config).encode()).decode(),
            update_default_version=True,
            # An agent that cannot report at its first try sleeps for minutes: its rights come first.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        self.launch_template_id = template.id
        self.launch_template_arn = template.arn
        self.role_arn = role.arn
        self.log_group = log.name
        self.log_group_arn = log.arn
        self.register_outputs({"launch_template_id": self.launch_template_id})

    def _root_device(self, config: StackConfig) -> str:
        """What the image calls its root device: under another name there would be a second, empty disk.

        EC2 user guide, "Device names for volumes": it is the image's RootDeviceName, /dev/xvda or /dev/sda1.
        """
        if not config.machine_image_parameter:
            return DEFAULT_ROOT_DEVICE
        asked = pulumi.InvokeOptions(parent=self)
        parameter = aws.ssm.get_parameter(name=config.machine_image_parameter, with_decryption=False, opts=asked)
        image = aws.ec2.get_ami(filters=[{"name": "image-id", "values": [parameter.insecure_value]}], opts=asked)
        return str(image.root_device_name)


def machine_deadline_minutes(config: StackConfig) -> int:
    """How old a machine gets at most."""
    return config.boot_timeout_minutes + config.longest_timeout_minutes + TRANSFER_MINUTES + _GRACE_MINUTES


def _user_data(config: StackConfig) -> str:
    return _EVERY_BOOT.format(minutes=machine_deadline_minutes(config))


def _policy(log_group_arn: pulumi.Output[str]) -> list[Statement]:
    return [
        Statement(
            sid="BeReachedBySsm",
            # The agent's own calls (Systems Manager user guide, "Reference: ec2messages, ssmmessages, and other API
            # operations"). Agents before 3.3.40 get commands by ec2messages alone, and own images may have one; later
            # ones fall back on it while their channel is not open. The managed policy for agents would also let a
            # script read every parameter of the account.
            actions=[
                "ssm:UpdateInstanceInformation",
                "ec2messages:AcknowledgeMessage",
                "ec2messages:DeleteMessage",
                "ec2messages:FailMessage",
                "ec2messages:GetEndpoint",
                "ec2messages:GetMessages",
                "ec2messages:SendReply",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            resources=["*"],  # most know no resources, and an agent registers before anything could name it
        ),
        Statement(
            sid="FindLogGroup",
            actions=["logs:DescribeLogGroups"],
            resources=["*"],  # a listing; the agent looks its group up in it
        ),
        Statement(
            sid="WriteJobLog",
            # The agent asks to make the group before each command, and takes that it is there for an answer; refused,
            # it lists all groups instead, and gives up streaming where that is throttled.
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[log_group_arn, pulumi.Output.concat(log_group_arn, ":*")],
        ),
    ]
