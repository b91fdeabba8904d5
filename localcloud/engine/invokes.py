"""Data sources (Pulumi invokes)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from localcloud.engine.errors import RefusedInputError
from localcloud.engine.policy_document import policy_document

if TYPE_CHECKING:
    from localcloud.engine.aws import Aws

Invoke = Callable[["Aws", Mapping[str, Any]], dict[str, Any]]

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
_CACHE_POLICIES = {
    "Managed-Amplify": "2e54312d-136d-493c-8eb9-b001f22f67d2",
    "Managed-CachingDisabled": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "Managed-CachingOptimized": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "Managed-CachingOptimizedForUncompressedObjects": "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    "UseOriginCacheControlHeaders": "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    "UseOriginCacheControlHeaders-QueryStrings": "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
}
# …/using-managed-origin-request-policies.html
_ORIGIN_REQUEST_POLICIES = {
    "Managed-AllViewer": "216adef6-5c7f-47e4-b989-5492eafa07d3",
    "Managed-AllViewerExceptHostHeader": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
    "Managed-CORS-CustomOrigin": "59781a5b-3903-41f3-afcb-af62929ccde1",
    "Managed-CORS-S3Origin": "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf",
    "Managed-UserAgentRefererHeaders": "acba4595-bd28-49b8-b9fe-13317c0390fa",
}
# …/using-managed-response-headers-policies.html
_RESPONSE_HEADERS_POLICIES = {
    "Managed-CORS-and-SecurityHeadersPolicy": "e61eb60c-9c35-4d20-a928-2b84e02af89c",
    "Managed-CORS-With-Preflight": "5cc3b908-e619-4b99-88e5-2cf7f45965bd",
    "Managed-CORS-with-preflight-and-SecurityHeadersPolicy": "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
    "Managed-SecurityHeadersPolicy": "67f7725c-6f97-4210-82d7-5512b31e9d03",
    "Managed-SimpleCORS": "60669652-455b-4ae9-85a4-c4c02393f86c",
}


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


def _partition(aws: Aws, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "partition": aws.partition,
        "id": aws.partition,
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


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


def _policy_document(_aws: Aws, arguments: Mapping[str, Any]) -> dict[str, Any]:
    document = policy_document(arguments)
    text = json.dumps(document, indent=2)
    return {
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "id": str(int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)),
    }


def _managed(ids: Mapping[str, str], kind: str) -> Invoke:
    def find(_aws: Aws, arguments: Mapping[str, Any]) -> dict[str, Any]:
        names = {policy_id: name for name, policy_id in ids.items()}
        policy_id = arguments.get("id") or ids.get(str(arguments.get("name")), "")
        if policy_id not in names:
            raise RefusedInputError(f"{arguments} is not an AWS-managed {kind}; known are {', '.join(ids)}")
        return {"id": policy_id, "name": names[policy_id]}

    return find


INVOKES: dict[str, Invoke] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:ec2/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ssm/getParameter:getParameter": _ssm_parameter,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:cloudfront/getCachePolicy:getCachePolicy": _managed(_CACHE_POLICIES, "cache policy"),
    "aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy": _managed(
        _ORIGIN_REQUEST_POLICIES, "origin request policy"
    ),
    "aws:cloudfront/getResponseHeadersPolicy:getResponseHeadersPolicy": _managed(
        _RESPONSE_HEADERS_POLICIES, "response headers policy"
    ),
}
