"""The machines' own network: public subnets in several zones, a way out, no way in.

Public subnets instead of private ones with a NAT gateway: a gateway costs more each month than most stacks' machines,
and nothing is reachable from outside either way: no security group has an ingress rule.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import ConfigError
from infra.stack import Stack

_HTTPS = 443
_ANYWHERE = "0.0.0.0/0"
# Enough to go around a zone without capacity; each zone more is one launch call more when all are full.
MOST_ZONES = 4
FEWEST_ZONES = 2


@dataclass(frozen=True)
class NetworkArgs:
    stack: Stack


class Network(pulumi.ComponentResource):
    """A VPC with `subnet_ids` in two to four zones and the machines' `security_group_id`."""

    vpc_id: pulumi.Output[str]
    subnet_ids: Sequence[pulumi.Output[str]]
    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Network", name, None, opts)
        child, cidr = pulumi.ResourceOptions(parent=self), args.stack.config.vpc_cidr
        vpc = aws.ec2.Vpc(name, cidr_block=cidr, enable_dns_support=True, enable_dns_hostnames=True, opts=child)
        self.vpc_id = vpc.id
        # The group that every VPC comes with allows its members everything; without rules it allows nothing.
        aws.ec2.DefaultSecurityGroup(name, vpc_id=vpc.id, ingress=[], egress=[], opts=child)
        routes = self._way_out(name, vpc.id, args.stack.region, child)
        self.subnet_ids = [
            self._subnet(f"{name}-{zone}", vpc.id, zone, block, routes)
            for zone, block in zip(self._zones(), _blocks(cidr), strict=False)
        ]
        self.security_group_id = self._https_only(name, vpc.id, child)
        self.register_outputs({"vpc_id": self.vpc_id})

    def _zones(self) -> list[str]:
        # Local and wavelength zones, which are listed as well once opted in, lack most machine types.
        names = aws.get_availability_zones(
            state="available",
            filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            opts=pulumi.InvokeOptions(parent=self),
        ).names
        if len(names) < FEWEST_ZONES:
            raise ConfigError(
                f"aws:region has {len(names)} zones that are open to all; Mayfly wants {FEWEST_ZONES}, to find"
                " a machine where one of them has none. Choose another region: pulumi config set aws:region ..."
            )
        return sorted(names)[:MOST_ZONES]

    def _way_out(
        self, name: str, vpc_id: pulumi.Output[str], region: str, opts: pulumi.ResourceOptions
    ) -> aws.ec2.RouteTable:
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc_id, opts=opts)
        table = aws.ec2.RouteTable(name, vpc_id=vpc_id, opts=opts)
        aws.ec2.Route(
            f"{name}-out", route_table_id=table.id, destination_cidr_block=_ANYWHERE, gateway_id=gateway.id, opts=opts
        )
        # Files go to S3 inside AWS's network, at no charge.
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc_id,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id],
            opts=opts,
        )
        return table

    def _subnet(
        self, name: str, vpc_id: pulumi.Output[str], zone: str, block: str, routes: aws.ec2.RouteTable
    ) -> pulumi.Output[str]:
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=vpc_id,
            availability_zone=zone,
            cidr_block=block,
            map_public_ip_on_launch=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        association = aws.ec2.RouteTableAssociation(
            name, subnet_id=subnet.id, route_table_id=routes.id, opts=pulumi.ResourceOptions(parent=subnet)
        )
        # A subnet counts only once it has its way out: a machine whose agent cannot report at boot sleeps for minutes.
        ready: pulumi.Output[str] = pulumi.Output.all(subnet.id, association.id).apply(lambda ids: str(ids[0]))
        return ready

    def _https_only(self, name: str, vpc_id: pulumi.Output[str], opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            name, vpc_id=vpc_id, description="Mayfly machines: HTTPS out, nothing in", opts=opts
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-https",
            security_group_id=group.id,
            description="HTTPS to S3, SSM, CloudWatch Logs and what scripts fetch",
            cidr_ipv4=_ANYWHERE,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            opts=opts,
        )
        group_id: pulumi.Output[str] = group.id
        return group_id


def _blocks(cidr: str) -> list[str]:
    """As many equal parts of the range as there can be zones."""
    network = ipaddress.IPv4Network(cidr)
    return [str(part) for part in network.subnets(prefixlen_diff=MOST_ZONES.bit_length() - 1)]
