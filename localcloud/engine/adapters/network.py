"""VPCs and what leads out of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes, only
from localcloud.engine.adapters.ec2_noun import Ec2Noun
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs

_DNS = ("enableDnsHostnames", "enableDnsSupport")
_ROUTE = ("destinationCidrBlock", "gatewayId", "routeTableId")


@carries("aws:ec2/vpc:Vpc")
class Vpc(Ec2Noun):
    replaced_by = ("cidrBlock",)  # ec2/vpc_.go
    noun = "vpc"
    named_by: ClassVar = {"VpcId": ID}
    inputs = ("cidrBlock",)
    changeable = _DNS

    def create(self, aws: Aws, desired: Desired) -> Created:
        created = super().create(aws, desired)
        ec2 = aws.client("ec2")
        _put_dns(ec2, created.id, desired.inputs)
        return Created(created.id, {**created.outputs, **_default_security_group(ec2, created.id)})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        _put_dns(aws.client("ec2"), resource_id, desired.inputs)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        ec2, found = aws.client("ec2"), super().read(aws, resource_id, state)
        for key in _DNS:
            answer = ec2.describe_vpc_attribute(VpcId=resource_id, Attribute=key)
            found[key] = answer[f"{key[0].upper()}{key[1:]}"]["Value"]
        return found


@carries("aws:ec2/subnet:Subnet")
class Subnet(Ec2Noun):
    replaced_by = ("availabilityZone", "cidrBlock", "vpcId")  # ec2/vpc_subnet.go
    noun = "subnet"
    named_by: ClassVar = {"SubnetId": ID}
    inputs = ("vpcId", "cidrBlock", "availabilityZone")
    changeable = ("mapPublicIpOnLaunch",)

    def create(self, aws: Aws, desired: Desired) -> Created:
        created = super().create(aws, desired)
        if desired.inputs.get("mapPublicIpOnLaunch"):
            self.update(aws, created.id, desired, {})
        return created

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().outputs(aws, made), "availabilityZoneId": made.get("AvailabilityZoneId")}

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        value = {"Value": bool(desired.inputs.get("mapPublicIpOnLaunch"))}
        aws.client("ec2").modify_subnet_attribute(SubnetId=resource_id, MapPublicIpOnLaunch=value)
        return {}


@carries("aws:ec2/internetGateway:InternetGateway")
class InternetGateway(Ec2Noun):
    replaced_by = ()  # ec2/vpc_internet_gateway.go
    noun = "internet_gateway"
    named_by: ClassVar = {"InternetGatewayId": ID}
    inputs = ()
    changeable = ("vpcId",)

    def create(self, aws: Aws, desired: Desired) -> Created:
        created = super().create(aws, desired)
        self._attach(aws, created.id, desired)
        return created

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        self._detach(aws, resource_id, state)
        super().delete(aws, resource_id, state)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        self._detach(aws, resource_id, state)
        self._attach(aws, resource_id, desired)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        attached = self.described(aws, resource_id).get("Attachments", [])
        return {"vpcId": next((each["VpcId"] for each in attached), None)}

    def _attach(self, aws: Aws, resource_id: str, desired: Desired) -> None:
        aws.client("ec2").attach_internet_gateway(InternetGatewayId=resource_id, VpcId=desired.inputs["vpcId"])

    def _detach(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("ec2").detach_internet_gateway(InternetGatewayId=resource_id, VpcId=state["vpcId"])


@carries("aws:ec2/routeTable:RouteTable")
class RouteTable(Ec2Noun):
    replaced_by = ("vpcId",)  # ec2/vpc_route_table.go
    noun = "route_table"
    named_by: ClassVar = {"RouteTableId": ID}
    inputs = ("vpcId",)


@carries("aws:ec2/vpcEndpoint:VpcEndpoint")
class VpcEndpoint(Ec2Noun):
    replaced_by = ("serviceName", "vpcEndpointType", "vpcId")  # ec2/vpc_endpoint.go
    noun = "vpc_endpoint"
    named_by: ClassVar = {"VpcEndpointId": ID}
    inputs = ("routeTableIds", "serviceName", "vpcEndpointType", "vpcId")

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().outputs(aws, made), "state": "available"}

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[resource_id])


@carries("aws:ec2/route:Route")
class Route(Adapter):
    replaced_by = ("destinationCidrBlock", "routeTableId")  # ec2/vpc_route.go
    delete = deletes("ec2", "delete_route", RouteTableId="routeTableId", DestinationCidrBlock="destinationCidrBlock")

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = desired.inputs.take(*_ROUTE)
        aws.client("ec2").create_route(**request)
        identity = f"r-{request['routeTableId']}{desired.suffix}"
        return Created(identity, {"state": "active", "origin": "CreateRoute"})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        aws.client("ec2").replace_route(**desired.inputs.take(*_ROUTE))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        routes, destination = only(found, resource_id)["Routes"], state["destinationCidrBlock"]
        return self.live(
            only([each for each in routes if each.get("DestinationCidrBlock") == destination], resource_id)
        )


@carries("aws:ec2/routeTableAssociation:RouteTableAssociation")
class RouteTableAssociation(Adapter):
    replaced_by = ("subnetId",)  # ec2/vpc_route_table_association.go
    changeable = ()
    delete = deletes("ec2", "disassociate_route_table", AssociationId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = desired.inputs.take("routeTableId", "subnetId")
        return Created(aws.client("ec2").associate_route_table(**request)["AssociationId"])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
        given = only(found, resource_id).get("Associations", [])
        return self.live(only([each for each in given if each["RouteTableAssociationId"] == resource_id], resource_id))


def _put_dns(ec2: Any, vpc: str, inputs: Inputs) -> None:
    """One attribute per call, says the API; a new VPC resolves names but gives none."""
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": inputs.get("enableDnsSupport", True)})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": inputs.get("enableDnsHostnames", False)})


def _default_security_group(ec2: Any, vpc: str) -> dict[str, str]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    return {"defaultSecurityGroupId": found[0]["GroupId"]} if found else {}
