"""Data sources (Pulumi invokes)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.engine.aws import Aws
from localcloud.engine.errors import RefusedInputError

Invoke = Callable[["Aws", Mapping[str, Any]], dict[str, Any]]


def _caller_identity(aws: Aws, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    answer = aws.client("sts").get_caller_identity()
    return {
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
        "id": answer["Account"],
    }


def _region(aws: Aws, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = f"ec2.{aws.region}.amazonaws.com"
    return {"region": aws.region, "name": aws.region, "id": aws.region, "description": "", "endpoint": endpoint}


def _availability_zones(aws: Aws, arguments: Mapping[str, Any]) -> dict[str, Any]:
    refused = set(arguments) - {"state", "region", "filters"}
    if refused:
        raise RefusedInputError(f"getAvailabilityZones: {', '.join(sorted(refused))} cannot be carried over")
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters", [])]
    if arguments.get("state"):
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    zones = aws.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    ordered = sorted(zones, key=lambda zone: str(zone["ZoneName"]))
    return {
        "names": [zone["ZoneName"] for zone in ordered],
        "zoneIds": [zone.get("ZoneId", "") for zone in ordered],
        "groupNames": [aws.region],
        "id": aws.region,
        "region": aws.region,
        "state": arguments.get("state"),
    }


def _ssm_parameter(aws: Aws, arguments: Mapping[str, Any]) -> dict[str, Any]:
    decrypted = bool(arguments.get("withDecryption", True))
    found = aws.client("ssm").get_parameter(Name=arguments["name"], WithDecryption=decrypted)["Parameter"]
    return {
        "id": found["Name"],
        "name": found["Name"],
        "type": found["Type"],
        "value": found["Value"],
        "insecureValue": "" if found["Type"] == "SecureString" else found["Value"],
        "version": found["Version"],
        "arn": found["ARN"],
        "withDecryption": decrypted,
        "region": aws.region,
    }


def _ami(aws: Aws, arguments: Mapping[str, Any]) -> dict[str, Any]:
    refused = set(arguments) - {"filters", "owners", "region"}
    if refused:
        raise RefusedInputError(f"getAmi: {', '.join(sorted(refused))} cannot be carried over")
    filters = [{"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters", [])]
    owners = {"Owners": arguments["owners"]} if arguments.get("owners") else {}
    images = aws.client("ec2").describe_images(Filters=filters, **owners)["Images"]
    if len(images) != 1:  # the provider takes the newest of several only where it is told to
        raise RefusedInputError(f"getAmi: {len(images)} images are as {filters} wants it")
    (image,) = images
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "architecture": image["Architecture"],
        "rootDeviceName": image["RootDeviceName"],
        "region": aws.region,
    }


INVOKES: dict[str, Invoke] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ssm/getParameter:getParameter": _ssm_parameter,
}
