"""VPCs and what leads out of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs, pascal

_ROUTE = ("destinationCidrBlock", "gatewayId", "routeTableId")
_ENDPOINT = ("routeTableIds", "serviceName", "vpcEndpointType", "vpcId")


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
        return {**camel(vpc, "cidrBlock"), **names}


@carries("aws:ec2/subnet:Subnet")
class Subnet(Adapter):
    changeable = ("mapPublicIpOnLaunch",)
    delete = deletes("ec2", "delete_subnet", SubnetId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2, inputs = aws.client("ec2"), desired.inputs
        answer = ec2.create_subnet(
            **inputs.pick("vpcId", "cidrBlock", "availabilityZone"), **tag_specifications(desired, "subnet")
        )["Subnet"]
        subnet = answer["SubnetId"]
        if inputs.get("mapPublicIpOnLaunch"):
            ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        outputs = {
            "arn": aws.arn("ec2", f"subnet/{subnet}"),
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
        return camel(subnet, "availabilityZone", "cidrBlock", "mapPublicIpOnLaunch", "vpcId")


@carries("aws:ec2/internetGateway:InternetGateway")
class InternetGateway(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        ec2 = aws.client("ec2")
        answer = ec2.create_internet_gateway(**tag_specifications(desired, "internet-gateway"))
        gateway = answer["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=desired.inputs["vpcId"])
        return Created(gateway, {"arn": aws.arn("ec2", f"internet-gateway/{gateway}"), "ownerId": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        ec2 = aws.client("ec2")
        ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=state["vpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        ec2 = aws.client("ec2")
        ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=state["vpcId"])
        ec2.attach_internet_gateway(InternetGatewayId=resource_id, VpcId=desired.inputs["vpcId"])
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
    delete = deletes("ec2", "delete_route", RouteTableId="routeTableId", DestinationCidrBlock="destinationCidrBlock")

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = desired.inputs.pick(*_ROUTE)
        aws.client("ec2").create_route(**request)
        identity = f"r-{request['RouteTableId']}{desired.suffix}"
        return Created(identity, {"state": "active", "origin": "CreateRoute"})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        aws.client("ec2").replace_route(**desired.inputs.pick(*_ROUTE))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        routes = [camel(route, *_ROUTE) for route in only(found, resource_id)["Routes"]]
        destination = state["destinationCidrBlock"]
        return only([route for route in routes if route.get("destinationCidrBlock") == destination], resource_id)


@carries("aws:ec2/routeTableAssociation:RouteTableAssociation")
class RouteTableAssociation(Adapter):
    found_by = ("routeTableId",)
    changeable = ()
    delete = deletes("ec2", "disassociate_route_table", AssociationId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = desired.inputs.pick("routeTableId", "subnetId")
        return Created(aws.client("ec2").associate_route_table(**request)["AssociationId"])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        given = only(found, resource_id).get("Associations", [])
        one = only([each for each in given if each["RouteTableAssociationId"] == resource_id], resource_id)
        return camel(one, "subnetId")


@carries("aws:ec2/vpcEndpoint:VpcEndpoint")
class VpcEndpoint(Adapter):
    changeable = ()

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = {**desired.inputs.pick(*_ENDPOINT), **tag_specifications(desired, "vpc-endpoint")}
        answer = aws.client("ec2").create_vpc_endpoint(**request)
        endpoint = answer["VpcEndpoint"]["VpcEndpointId"]
        outputs = {"arn": aws.arn("ec2", f"vpc-endpoint/{endpoint}"), "state": "available", "ownerId": aws.account}
        return Created(endpoint, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[resource_id])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[resource_id])["VpcEndpoints"]
        return camel(only(found, resource_id), *_ENDPOINT)


def _put_dns(ec2: Any, vpc: str, inputs: Inputs) -> None:
    """One attribute per call, says the API; a new VPC resolves names but gives none."""
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": inputs.get("enableDnsSupport", True)})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": inputs.get("enableDnsHostnames", False)})


def _default_security_group(ec2: Any, vpc: str) -> dict[str, str]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    return {"defaultSecurityGroupId": found[0]["GroupId"]} if found else {}
