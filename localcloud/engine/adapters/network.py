"""VPCs and what leads out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.inputs import pascal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_DESTINATIONS = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_TARGETS = ("gatewayId", "natGatewayId", "networkInterfaceId", "transitGatewayId", "vpcPeeringConnectionId")


def tag_specifications(desired: Desired, kind: str) -> dict[str, Any]:
    """Tags as EC2's create calls take them."""
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": desired.tag_list}]} if desired.tags else {}


@carries("aws:ec2/vpc:Vpc")
class Vpc(Adapter):
    changeable = ("enableDnsHostnames", "enableDnsSupport")
    delete = deletes("ec2", "delete_vpc", VpcId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs = aws.client("ec2"), desired.inputs
        vpc = ec2.create_vpc(**inputs.pick("cidrBlock"), **tag_specifications(desired, "vpc"))["Vpc"]["VpcId"]
        _put_dns(ec2, vpc, inputs)
        group = _default_security_group(ec2, vpc)
        return Created(vpc, {"arn": aws.arn("ec2", f"vpc/{vpc}"), "ownerId": aws.account, **group})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        _put_dns(aws.client("ec2"), resource_id, desired.inputs)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        ec2 = aws.client("ec2")
        vpc = only(ec2.describe_vpcs(VpcIds=[resource_id])["Vpcs"], resource_id)
        names = {
            key: ec2.describe_vpc_attribute(VpcId=resource_id, Attribute=key)[pascal(key)]["Value"]
            for key in ("enableDnsSupport", "enableDnsHostnames")
        }
        has_own = bool(vpc.get("Ipv6CidrBlockAssociationSet"))
        return {**camel(vpc, "cidrBlock", "instanceTenancy"), **names, "assignGeneratedIpv6CidrBlock": has_own}


@carries("aws:ec2/subnet:Subnet")
class Subnet(Adapter):
    changeable = ("mapPublicIpOnLaunch",)
    delete = deletes("ec2", "delete_subnet", SubnetId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs = aws.client("ec2"), desired.inputs
        answer = ec2.create_subnet(
            **inputs.pick("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
            **tag_specifications(desired, "subnet"),
        )["Subnet"]
        subnet = answer["SubnetId"]
        if inputs.get("mapPublicIpOnLaunch"):
            ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        outputs = {
            "arn": aws.arn("ec2", f"subnet/{subnet}"),
            "availabilityZone": answer.get("AvailabilityZone", inputs.get("availabilityZone")),
            "availabilityZoneId": answer.get("AvailabilityZoneId"),
            "ownerId": aws.account,
        }
        return Created(subnet, outputs)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        value = {"Value": bool(desired.inputs.get("mapPublicIpOnLaunch"))}
        aws.client("ec2").modify_subnet_attribute(SubnetId=resource_id, MapPublicIpOnLaunch=value)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        subnet = only(aws.client("ec2").describe_subnets(SubnetIds=[resource_id])["Subnets"], resource_id)
        return camel(subnet, "availabilityZone", "availabilityZoneId", "cidrBlock", "mapPublicIpOnLaunch", "vpcId")


@carries("aws:ec2/internetGateway:InternetGateway")
class InternetGateway(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2 = aws.client("ec2")
        answer = ec2.create_internet_gateway(**tag_specifications(desired, "internet-gateway"))
        gateway = answer["InternetGateway"]["InternetGatewayId"]
        vpc = desired.inputs.get("vpcId")
        if vpc:
            ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        return Created(gateway, {"arn": aws.arn("ec2", f"internet-gateway/{gateway}"), "ownerId": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        ec2 = aws.client("ec2")
        if state.get("vpcId"):
            ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=state["vpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        ec2, vpc = aws.client("ec2"), desired.inputs.get("vpcId")
        if state.get("vpcId"):
            ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=state["vpcId"])
        if vpc:
            ec2.attach_internet_gateway(InternetGatewayId=resource_id, VpcId=vpc)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("ec2").describe_internet_gateways(InternetGatewayIds=[resource_id])
        gateway = only(answer["InternetGateways"], resource_id)
        return {"vpcId": next((each["VpcId"] for each in gateway.get("Attachments", [])), None)}


@carries("aws:ec2/routeTable:RouteTable")
class RouteTable(Adapter):
    changeable = ()
    delete = deletes("ec2", "delete_route_table", RouteTableId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs = aws.client("ec2"), desired.inputs
        specifications = tag_specifications(desired, "route-table")
        table = ec2.create_route_table(**inputs.pick("vpcId"), **specifications)["RouteTable"]["RouteTableId"]
        return Created(table, {"arn": aws.arn("ec2", f"route-table/{table}"), "ownerId": aws.account})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        table = only(aws.client("ec2").describe_route_tables(RouteTableIds=[resource_id])["RouteTables"], resource_id)
        return camel(table, "vpcId")


@carries("aws:ec2/route:Route")
class Route(Adapter):
    found_by = ("routeTableId",)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        table = inputs["routeTableId"]
        aws.client("ec2").create_route(RouteTableId=table, **inputs.pick(*_DESTINATIONS), **inputs.pick(*_TARGETS))
        return Created(f"r-{table}{desired.suffix}", {"state": "active", "origin": "CreateRoute"})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        destination = {pascal(key): state[key] for key in _DESTINATIONS if state.get(key)}
        aws.client("ec2").delete_route(RouteTableId=state["routeTableId"], **destination)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        inputs = desired.inputs
        request = {**inputs.pick("routeTableId", *_DESTINATIONS), **inputs.pick(*_TARGETS)}
        aws.client("ec2").replace_route(**request)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        wanted = {key: state[key] for key in _DESTINATIONS if state.get(key)}
        routes = [camel(route, *_DESTINATIONS, *_TARGETS) for route in only(found, resource_id)["Routes"]]
        return only([route for route in routes if wanted.items() <= route.items()], resource_id)


@carries("aws:ec2/routeTableAssociation:RouteTableAssociation")
class RouteTableAssociation(Adapter):
    found_by = ("routeTableId",)
    changeable = ()
    delete = deletes("ec2", "disassociate_route_table", AssociationId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = desired.inputs.pick("routeTableId", "subnetId", "gatewayId")
        return Created(aws.client("ec2").associate_route_table(**request)["AssociationId"])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        given = only(found, resource_id).get("Associations", [])
        one = only([each for each in given if each["RouteTableAssociationId"] == resource_id], resource_id)
        return camel(one, "subnetId", "gatewayId")


@carries("aws:ec2/vpcEndpoint:VpcEndpoint")
class VpcEndpoint(Adapter):
    changeable = ("policy",)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        request = inputs.pick("vpcId", "serviceName", "vpcEndpointType", "routeTableIds", "subnetIds")
        request |= inputs.pick("securityGroupIds", "privateDnsEnabled")
        if "policy" in inputs:
            request["PolicyDocument"] = inputs["policy"]
        answer = aws.client("ec2").create_vpc_endpoint(**request, **tag_specifications(desired, "vpc-endpoint"))
        endpoint = answer["VpcEndpoint"]["VpcEndpointId"]
        outputs = {"arn": aws.arn("ec2", f"vpc-endpoint/{endpoint}"), "state": "available", "ownerId": aws.account}
        return Created(endpoint, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[resource_id])

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        policy = {"PolicyDocument": desired.inputs["policy"]} if "policy" in desired.inputs else {"ResetPolicy": True}
        aws.client("ec2").modify_vpc_endpoint(VpcEndpointId=resource_id, **policy)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[resource_id])["VpcEndpoints"]
        endpoint = only(found, resource_id)
        return {
            **camel(endpoint, "vpcId", "serviceName", "vpcEndpointType", "routeTableIds", "subnetIds"),
            **camel(endpoint, "privateDnsEnabled"),
            "securityGroupIds": [group["GroupId"] for group in endpoint.get("Groups", [])],
            "policy": endpoint.get("PolicyDocument"),
        }


def _put_dns(ec2: Any, vpc: str, inputs: Inputs) -> None:
    """One attribute per call, says the API; a new VPC resolves names but gives none."""
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": inputs.get("enableDnsSupport", True)})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": inputs.get("enableDnsHostnames", False)})


def _default_security_group(ec2: Any, vpc: str) -> dict[str, str]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    return {"defaultSecurityGroupId": found[0]["GroupId"]} if found else {}
