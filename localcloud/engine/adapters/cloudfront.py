"""CloudFront distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired

# What CloudFront wants in each configuration, and the provider gives where the program does not.
_DEFAULTS = {
    "comment": "",
    "isIpv6Enabled": False,
    "httpVersion": "http2",
    "priceClass": "PriceClass_All",
    "defaultRootObject": "",
    "aliases": [],
    "customErrorResponses": [],
}
_GIVEN = ("enabled", "restrictions", "viewerCertificate")
_HOSTED_ZONE = "Z2FDTNDATAQYW2"  # of every distribution; docs.aws.amazon.com/general/latest/gr/cf_region.html


@carries("aws:cloudfront/distribution:Distribution")
class Distribution(Adapter):
    """Distributions; restrictions to countries, headers for origins and functions at the edge are refused."""

    replaced_by = ()  # cloudfront/distribution.go

    def create(self, aws: Aws, desired: Desired) -> Created:
        config = _config(desired)
        answer = aws.client("cloudfront").create_distribution_with_tags(
            DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": desired.tags or []}}
        )
        distribution = answer["Distribution"]
        outputs = {
            "arn": distribution["ARN"],
            "domainName": distribution["DomainName"],
            "status": distribution["Status"],
            "etag": answer.get("ETag"),
            "callerReference": config["CallerReference"],
            "hostedZoneId": _HOSTED_ZONE,
        }
        return Created(distribution["Id"], outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        cloudfront = aws.client("cloudfront")
        answer = cloudfront.get_distribution_config(Id=resource_id)
        etag = answer["ETag"]
        if answer["DistributionConfig"]["Enabled"]:  # AWS deletes only what is disabled
            config = {**answer["DistributionConfig"], "Enabled": False}
            etag = cloudfront.update_distribution(Id=resource_id, IfMatch=etag, DistributionConfig=config)["ETag"]
        cloudfront.delete_distribution(Id=resource_id, IfMatch=etag)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        cloudfront = aws.client("cloudfront")
        config = {**_config(desired), "CallerReference": state["callerReference"]}
        etag = cloudfront.get_distribution_config(Id=resource_id)["ETag"]
        answer = cloudfront.update_distribution(Id=resource_id, IfMatch=etag, DistributionConfig=config)
        return {"etag": answer.get("ETag")}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        config = aws.client("cloudfront").get_distribution_config(Id=resource_id)["DistributionConfig"]
        origins = [{**each, "OriginId": each["Id"]} for each in config["Origins"].get("Items", [])]
        ordered = [_with_methods(each) for each in config.get("CacheBehaviors", {}).get("Items", [])]
        default = _with_methods(config["DefaultCacheBehavior"])
        return self.live(
            {**config, "Origins": origins, "OrderedCacheBehaviors": ordered, "DefaultCacheBehavior": default}
        )


def _config(desired: Desired) -> dict[str, Any]:
    inputs = desired.inputs
    return {
        **_DEFAULTS,
        **inputs.take(*_DEFAULTS, *_GIVEN),
        "CallerReference": f"{desired.name}-{desired.suffix}",
        "Origins": [_origin(each) for each in inputs.get("origins", [])],
        "DefaultCacheBehavior": _behaviour(inputs["defaultCacheBehavior"]),
        "CacheBehaviors": [_behaviour(each) for each in inputs.get("orderedCacheBehaviors", [])],
    }


def _origin(given: Mapping[str, Any]) -> dict[str, Any]:
    own = {"Id": given["originId"], "originId": None, "OriginPath": "", "CustomHeaders": []}
    storage = {} if "customOriginConfig" in given else {"S3OriginConfig": {"OriginAccessIdentity": ""}}
    return {**storage, **given, **own}


def _behaviour(given: Mapping[str, Any]) -> dict[str, Any]:
    methods = {"Items": given["allowedMethods"], "CachedMethods": given["cachedMethods"]}
    return {**given, "allowedMethods": methods, "cachedMethods": None}


def _with_methods(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "CachedMethods": found.get("AllowedMethods", {}).get("CachedMethods", {})}
