"""The rights to launch machines as they are meant to be, and no others.

For their user data EC2 has no condition key.
"""

from __future__ import annotations

import pulumi

from infra.machines import Machines
from infra.network import Network
from infra.policies import Statement
from infra.stack import Stack


def launch_machines(stack: Stack, machines: Machines, network: Network) -> list[Statement]:
    config = stack.config
    tagged = {"aws:RequestTag/mayfly:stack": config.stack}
    from_template = {"ArnEquals": {"ec2:LaunchTemplate": machines.launch_template_arn}}
    instances, disks, interfaces = (
        stack.arn("ec2", f"{kind}/*") for kind in ("instance", "volume", "network-interface")
    )
    return [
        Statement(
            "LaunchTagged",
            ["ec2:RunInstances"],
            [instances],
            {
                "StringEquals": {
                    **tagged,
                    "ec2:InstanceType": list(config.launchable_types),
                    "ec2:MetadataHttpTokens": "required",
                },
                "NumericEquals": {"ec2:MetadataHttpPutResponseHopLimit": "1"},
                **from_template,
            },
        ),
        Statement("GiveTaggedDisk", ["ec2:RunInstances"], [disks], {"StringEquals": tagged, **from_template}),
        Statement(
            "LaunchFromTemplateOnly",
            ["ec2:RunInstances"],
            [
                pulumi.Output.concat(stack.arn("ec2", "security-group/"), network.security_group_id),
                interfaces,
                *(pulumi.Output.concat(stack.arn("ec2", "subnet/"), subnet) for subnet in network.subnet_ids),
                *([stack.arn("ec2", "spot-instances-request/*")] if "spot" in config.markets else []),
            ],
            from_template,
        ),
        Statement(
            "LaunchTemplatesImage",
            ["ec2:RunInstances"],
            [f"arn:aws:ec2:{stack.region}::image/*"],  # whichever image the public parameter names that day
            # The template's own, and none that the call names instead (EC2 user guide, "Use launch templates to
            # control launch parameters").
            {**from_template, "Bool": {"ec2:IsLaunchTemplateResource": "true"}},
        ),
        Statement("UseTemplate", ["ec2:RunInstances"], [machines.launch_template_arn]),
        Statement(
            "TagAtLaunch",
            ["ec2:CreateTags"],
            [instances, disks, interfaces],
            {"StringEquals": {"ec2:CreateAction": "RunInstances"}},
        ),
        Statement("ResolveImage", ["ssm:GetParameters"], [_image_parameter(stack)]),
        Statement(
            "GiveMachineItsRole",
            ["iam:PassRole"],
            [machines.role_arn],
            {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
    ]


def create_spot_role(stack: Stack) -> Statement:
    """An account's first spot request makes EC2 create this one role, with the caller's right to.

    EC2 user guide, "Service-linked role for Spot Instance requests".
    """
    role = "role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
    return Statement(
        "CreateSpotRole",
        ["iam:CreateServiceLinkedRole"],
        [f"arn:aws:iam::{stack.account_id}:{role}"],
        {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}},
    )


def _image_parameter(stack: Stack) -> str:
    # AWS's own parameters belong to no account.
    name = stack.config.image_parameter
    account_id = "" if name.startswith("/aws/service/") else stack.account_id
    return f"arn:aws:ssm:{stack.region}:{account_id}:parameter{name}"
