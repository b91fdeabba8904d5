"""Security groups and their rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, only
from localcloud.engine.adapters.ec2_noun import Ec2Noun, tag_specifications
from localcloud.engine.aws import Aws
from localcloud.engine.errors import RefusedInputError, ServiceRuleError
from localcloud.engine.inputs import Desired, Inputs

_DESCRIPTION = re.compile(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}")  # EC2 API reference, CreateSecurityGroup
_NO_DESCRIPTION = "Managed by Pulumi"
_PROTOCOL = ("ipProtocol", "fromPort", "toPort")


@carries("aws:ec2/securityGroup:SecurityGroup")
class SecurityGroup(Ec2Noun):
    """A group without rules of its own: those are resources, and inline ones are refused."""

    replaced_by: ClassVar[tuple[str, ...]] = ("description", "vpcId", "name")  # ec2/vpc_security_group.go
    longest_name: ClassVar[int | None] = 255  # API reference, CreateSecurityGroup
    noun, name_as = "security_group", "GroupName"
    named_by: ClassVar = {"GroupId": ID}
    inputs = ("vpcId",)

    def request(self, desired: Desired) -> dict[str, Any]:
        description = desired.inputs.get("description", _NO_DESCRIPTION)
        if not _DESCRIPTION.fullmatch(description):
            raise ServiceRuleError(f"description: {description!r} does not match {_DESCRIPTION.pattern}")
        return {**super().request(desired), "Description": description}

    def create(self, aws: Aws, desired: Desired) -> Created:
        created = super().create(aws, desired)
        _take_rules_away(aws.client("ec2"), created.id)
        return created

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().outputs(aws, made), "description": made["Description"]}

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        return super().live({**answer, "Name": answer["GroupName"]})


@carries("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
class DefaultSecurityGroup(SecurityGroup):
    """Adopts the group that AWS makes with every VPC, and leaves it no rule."""

    replaced_by = ("vpcId",)  # ec2/vpc_default_security_group.go
    longest_name = None
    changeable = None

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs = aws.client("ec2"), desired.inputs
        filters = [
            {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
        _refuse_rules(inputs)
        found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if not found:
            raise LookupError(f"{inputs['vpcId']} has no default security group to adopt")
        group = found[0]["GroupId"]
        _take_rules_away(ec2, group)
        if desired.tags:
            ec2.create_tags(Resources=[group], Tags=desired.tags)
        outputs = {"name": "default", "ownerId": aws.account, "arn": aws.arn("ec2", f"security-group/{group}")}
        return Created(group, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        """It goes with its VPC."""

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_rules(desired.inputs)
        _take_rules_away(aws.client("ec2"), resource_id)
        return {}

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        rules = {"Ingress": answer.get("IpPermissions", []), "Egress": answer.get("IpPermissionsEgress", [])}
        return super().live({**answer, **rules})


@carries("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
class SecurityGroupEgressRule(Adapter):
    """One rule as a resource of its own."""

    # ec2/vpc_security_group_ingress_rule.go, which has what ingress and egress share
    replaced_by = ("securityGroupId",)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, ec2 = desired.inputs, aws.client("ec2")
        addresses = {"CidrIp": inputs["cidrIpv4"], **inputs.take("description")}
        answer = ec2.authorize_security_group_egress(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[{**inputs.take(*_PROTOCOL), "IpRanges": [addresses]}],
            TagSpecifications=tag_specifications(desired, "security-group-rule"),
        )
        rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return Created(rule, {"arn": aws.arn("ec2", f"security-group-rule/{rule}"), "securityGroupRuleId": rule})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        ec2, group = aws.client("ec2"), state["securityGroupId"]
        ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[resource_id])

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        rule = desired.inputs.take("cidrIpv4", "description", *_PROTOCOL)
        aws.client("ec2").modify_security_group_rules(
            GroupId=state["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": resource_id, "SecurityGroupRule": rule}],
        )
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[resource_id])
        rule = only(answer["SecurityGroupRules"], resource_id)
        return self.live({**rule, "SecurityGroupId": rule["GroupId"]})


def _refuse_rules(inputs: Inputs) -> None:
    for direction in ("egress", "ingress"):
        if inputs.get(direction):
            raise RefusedInputError(f"{direction}: rules in a group are not carried over, those of their own are")


def _take_rules_away(ec2: Any, group: str) -> None:
    """AWS gives a new group an allow-all egress rule; the provider takes it away."""
    found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    if found.get("IpPermissionsEgress"):
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=found["IpPermissionsEgress"])
    if found.get("IpPermissions"):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])
