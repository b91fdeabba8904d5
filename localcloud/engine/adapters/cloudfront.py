"""CloudFront distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.adapters.cloudfront_live import live_parts
from localcloud.engine.adapters.cloudfront_policies import quantified
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs

_BEHAVIOUR = (
    "cachePolicyId",
    "compress",
    "originRequestPolicyId",
    "pathPattern",
    "responseHeadersPolicyId",
    "targetOriginId",
    "viewerProtocolPolicy",
)
_HOSTED_ZONE = "Z2FDTNDATAQYW2"  # of every distribution; docs.aws.amazon.com/general/latest/gr/cf_region.html


@carries("aws:cloudfront/distribution:Distribution")
class Distribution(Adapter):
    """Distributions with cache policies; legacy `forwardedValues` and certificates of one's own are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        config = _config(desired)
        tags = {"Items": desired.tag_list}
        answer = aws.client("cloudfront").create_distribution_with_tags(
            DistributionConfigWithTags={"DistributionConfig": config, "Tags": tags}
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
        return {
            **camel(config, "comment", "enabled", "httpVersion", "priceClass", "defaultRootObject"),
            "isIpv6Enabled": config.get("IsIPV6Enabled", False),
            "aliases": config.get("Aliases", {}).get("Items", []),
            **live_parts(config),
        }


def _config(desired: Desired) -> dict[str, Any]:
    inputs = desired.inputs
    default = inputs.child("defaultCacheBehavior")
    restrictions = inputs.child("restrictions")
    certificate = inputs.child("viewerCertificate")
    return {
        "CallerReference": f"{desired.name}-{desired.suffix}",
        "Comment": inputs.get("comment", ""),
        "Enabled": inputs["enabled"],
        "IsIPV6Enabled": inputs.get("isIpv6Enabled", False),
        "HttpVersion": inputs.get("httpVersion", "http2"),
        "PriceClass": inputs.get("priceClass", "PriceClass_All"),
        "DefaultRootObject": inputs.get("defaultRootObject", ""),
        "Aliases": quantified(inputs.get("aliases", [])),
        "Origins": quantified([_origin(origin) for origin in inputs.children("origins")]),
        "DefaultCacheBehavior": _behaviour(default) if default is not None else {},
        "CacheBehaviors": quantified([_behaviour(item) for item in inputs.children("orderedCacheBehaviors")]),
        "CustomErrorResponses": quantified([_error(item) for item in inputs.children("customErrorResponses")]),
        "Restrictions": _restrictions(restrictions),
        "ViewerCertificate": _certificate(certificate),
    }


def _origin(given: Inputs) -> dict[str, Any]:
    origin = {
        "Id": given["originId"],
        "OriginPath": "",
        "CustomHeaders": quantified([]),
        **given.pick("domainName", "originAccessControlId"),
    }
    custom = given.child("customOriginConfig")
    if custom is None:
        return {**origin, "S3OriginConfig": {"OriginAccessIdentity": ""}}
    protocols = custom["originSslProtocols"]
    return {
        **origin,
        "CustomOriginConfig": {
            "HTTPPort": custom["httpPort"],
            "HTTPSPort": custom["httpsPort"],
            "OriginSslProtocols": quantified(protocols),
            **custom.pick("originProtocolPolicy"),
        },
    }


def _behaviour(given: Inputs) -> dict[str, Any]:
    cached = quantified(given["cachedMethods"])
    return {
        **given.pick(*_BEHAVIOUR),
        "AllowedMethods": {**quantified(given["allowedMethods"]), "CachedMethods": cached},
    }


def _error(given: Inputs) -> dict[str, Any]:
    return {**given.pick("errorCode"), "ErrorCachingMinTTL": given["errorCachingMinTtl"]}


def _restrictions(given: Inputs | None) -> dict[str, Any]:
    geo = given.child("geoRestriction") if given is not None else None
    return {"GeoRestriction": {"RestrictionType": geo["restrictionType"] if geo else "none", "Quantity": 0}}


def _certificate(given: Inputs | None) -> dict[str, Any]:
    if given is None or given.get("cloudfrontDefaultCertificate"):
        minimum = given.get("minimumProtocolVersion", "TLSv1") if given is not None else "TLSv1"
        return {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": minimum}
    certificate = given.pick("minimumProtocolVersion")
    if "acmCertificateArn" in given:
        certificate["ACMCertificateArn"] = given["acmCertificateArn"]
    if "sslSupportMethod" in given:
        certificate["SSLSupportMethod"] = given["sslSupportMethod"]
    return certificate
