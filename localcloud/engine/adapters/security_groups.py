"""Security groups and their rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import PROVIDERS_OWN, Adapter, Created, carries
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.adapters.network import tag_specifications
from localcloud.engine.errors import ServiceRuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_DESCRIPTION = re.compile(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}")  # EC2 API reference, CreateSecurityGroup
_ALL = "-1"  # protocol "all", which has no ports


@carries("aws:ec2/securityGroup:SecurityGroup")
class SecurityGroup(Adapter):
    unread: ClassVar = {"revokeRulesOnDelete": PROVIDERS_OWN}

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs, name = aws.client("ec2"), desired.inputs, desired.physical_name()
        inputs.get("revokeRulesOnDelete")  # rules go with their group here
        description = inputs.get("description", "Managed by Pulumi")
        if not _DESCRIPTION.fullmatch(description):
            raise ServiceRuleError(f"description: {description!r} does not match {_DESCRIPTION.pattern}")
        group = ec2.create_security_group(
            GroupName=name,
            Description=description,
            **inputs.pick("vpcId"),
            **tag_specifications(desired, "security-group"),
        )["GroupId"]
        _replace_rules(ec2, group, inputs)
        outputs = {"name": name, "description": description, "ownerId": aws.account}
        return Created(group, {**outputs, "arn": aws.arn("ec2", f"security-group/{group}")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("ec2").delete_security_group(GroupId=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        desired.inputs.get("revokeRulesOnDelete")
        _replace_rules(aws.client("ec2"), resource_id, desired.inputs)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_security_groups(GroupIds=[resource_id])["SecurityGroups"]
        group = only(found, resource_id)
        return {**camel(group, "description", "vpcId"), "name": group["GroupName"], **_live_rules(group)}


@carries("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
class DefaultSecurityGroup(Adapter):
    """Adopts the group that AWS makes with every VPC, and leaves it only the rules given here."""

    unread: ClassVar = {"revokeRulesOnDelete": PROVIDERS_OWN}

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs = aws.client("ec2"), desired.inputs
        inputs.get("revokeRulesOnDelete")
        filters = [
            {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
        found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if not found:
            raise LookupError(f"{inputs['vpcId']} has no default security group to adopt")
        group = found[0]["GroupId"]
        _replace_rules(ec2, group, inputs)
        if desired.tags:
            ec2.create_tags(Resources=[group], Tags=desired.tag_list)
        outputs = {"name": "default", "ownerId": aws.account, "arn": aws.arn("ec2", f"security-group/{group}")}
        return Created(group, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        """It goes with its VPC."""

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        desired.inputs.get("revokeRulesOnDelete")
        _replace_rules(aws.client("ec2"), resource_id, desired.inputs)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_security_groups(GroupIds=[resource_id])["SecurityGroups"]
        group = only(found, resource_id)
        return {**camel(group, "vpcId"), **_live_rules(group)}


@carries("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
class SecurityGroupEgressRule(Adapter):
    """One rule as a resource of its own."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, ec2 = desired.inputs, aws.client("ec2")
        answer = ec2.authorize_security_group_egress(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[_single_permission(inputs)],
            **tag_specifications(desired, "security-group-rule"),
        )
        rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return Created(rule, {"arn": aws.arn("ec2", f"security-group-rule/{rule}"), "securityGroupRuleId": rule})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        ec2, group = aws.client("ec2"), state["securityGroupId"]
        ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[resource_id])

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        inputs = desired.inputs
        given = {"cidrIpv4": "CidrIpv4", "cidrIpv6": "CidrIpv6", "prefixListId": "PrefixListId"}
        rule = {their: inputs[our] for our, their in given.items() if our in inputs}
        rule |= {**inputs.pick("description"), **_ports(inputs, inputs["ipProtocol"])}
        if "referencedSecurityGroupId" in inputs:
            rule["ReferencedGroupId"] = inputs["referencedSecurityGroupId"]
        aws.client("ec2").modify_security_group_rules(
            GroupId=state["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": resource_id, "SecurityGroupRule": rule}],
        )
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[resource_id])
        rule = only(answer["SecurityGroupRules"], resource_id)
        return {
            **camel(rule, "description", "cidrIpv4", "cidrIpv6", "prefixListId", "ipProtocol", "fromPort", "toPort"),
            "securityGroupId": rule["GroupId"],
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
        }


def _replace_rules(ec2: Any, group: str, inputs: Inputs) -> None:
    """AWS gives a new group an allow-all egress rule; the provider takes it away before it adds the given ones."""
    found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    if found.get("IpPermissionsEgress"):
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=found["IpPermissionsEgress"])
    if found.get("IpPermissions"):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])
    for direction in ("egress", "ingress"):
        permissions = [_permission(rule, group) for rule in inputs.children(direction)]
        if permissions:
            getattr(ec2, f"authorize_security_group_{direction}")(GroupId=group, IpPermissions=permissions)


def _live_rules(group: Mapping[str, Any]) -> dict[str, Any]:
    """A group's rules as inline ones; those that are resources of their own are among them."""
    found = {"ingress": group.get("IpPermissions", []), "egress": group.get("IpPermissionsEgress", [])}
    return {direction: [_live_rule(each, group["GroupId"]) for each in rules] for direction, rules in found.items()}


def _live_rule(found: Mapping[str, Any], group: str) -> dict[str, Any]:
    groups = [each["GroupId"] for each in found.get("UserIdGroupPairs", [])]
    return {
        "protocol": found["IpProtocol"],
        **camel(found, "fromPort", "toPort"),
        "cidrBlocks": [each["CidrIp"] for each in found.get("IpRanges", [])],
        "ipv6CidrBlocks": [each["CidrIpv6"] for each in found.get("Ipv6Ranges", [])],
        "prefixListIds": [each["PrefixListId"] for each in found.get("PrefixListIds", [])],
        "securityGroups": [each for each in groups if each != group],
        "self": group in groups,
    }


def _permission(rule: Inputs, group: str) -> dict[str, Any]:
    """An inline rule: many sources in one."""
    described = {"Description": rule["description"]} if rule.get("description") else {}
    groups = [*rule.get("securityGroups", []), *([group] if rule.get("self") else [])]
    sources = {
        "IpRanges": [{"CidrIp": cidr, **described} for cidr in rule.get("cidrBlocks", [])],
        "Ipv6Ranges": [{"CidrIpv6": cidr, **described} for cidr in rule.get("ipv6CidrBlocks", [])],
        "PrefixListIds": [{"PrefixListId": item, **described} for item in rule.get("prefixListIds", [])],
        "UserIdGroupPairs": [{"GroupId": item, **described} for item in groups],
    }
    return {**_ports(rule, rule["protocol"]), **{key: value for key, value in sources.items() if value}}


def _single_permission(rule: Inputs) -> dict[str, Any]:
    described = rule.pick("description")
    sources = {
        "IpRanges": ("CidrIp", rule.get("cidrIpv4")),
        "Ipv6Ranges": ("CidrIpv6", rule.get("cidrIpv6")),
        "PrefixListIds": ("PrefixListId", rule.get("prefixListId")),
        "UserIdGroupPairs": ("GroupId", rule.get("referencedSecurityGroupId")),
    }
    given = {key: [{name: value, **described}] for key, (name, value) in sources.items() if value}
    return {**_ports(rule, rule["ipProtocol"]), **given}


def _ports(rule: Inputs, protocol: str) -> dict[str, Any]:
    ports = rule.pick("fromPort", "toPort")
    return {"IpProtocol": protocol} if protocol in (_ALL, "all") else {"IpProtocol": protocol, **ports}
