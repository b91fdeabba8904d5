"""CloudFront's origin access controls and response headers policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.inputs import camel_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_ORIGIN_ACCESS = ("description", "originAccessControlOriginType", "signingBehavior", "signingProtocol")
_PLAIN_SECURITY = ("contentSecurityPolicy", "contentTypeOptions", "frameOptions", "referrerPolicy")


def quantified(items: list[Any]) -> dict[str, Any]:
    """A list as CloudFront takes it."""
    return {"Quantity": len(items), **({"Items": items} if items else {})}


@carries("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        config = self._config(desired)
        answer = aws.client("cloudfront").create_origin_access_control(OriginAccessControlConfig=config)
        identity = answer["OriginAccessControl"]["Id"]
        arn = f"arn:{aws.partition}:cloudfront::{aws.account}:origin-access-control/{identity}"
        return Created(identity, {"name": config["Name"], "arn": arn, "etag": answer.get("ETag")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        cloudfront = aws.client("cloudfront")
        etag = cloudfront.get_origin_access_control(Id=resource_id)["ETag"]
        cloudfront.delete_origin_access_control(Id=resource_id, IfMatch=etag)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        cloudfront = aws.client("cloudfront")
        etag = cloudfront.get_origin_access_control(Id=resource_id)["ETag"]
        config = self._config(desired)
        cloudfront.update_origin_access_control(Id=resource_id, IfMatch=etag, OriginAccessControlConfig=config)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("cloudfront").get_origin_access_control(Id=resource_id)["OriginAccessControl"]
        return camel(found["OriginAccessControlConfig"], "name", *_ORIGIN_ACCESS)

    def _config(self, desired: Desired) -> dict[str, Any]:
        return {"Name": desired.physical_name(), **desired.inputs.pick(*_ORIGIN_ACCESS)}


@carries("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        config = self._config(desired)
        answer = aws.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)
        identity = answer["ResponseHeadersPolicy"]["Id"]
        arn = f"arn:{aws.partition}:cloudfront::{aws.account}:response-headers-policy/{identity}"
        return Created(identity, {"name": config["Name"], "arn": arn, "etag": answer.get("ETag")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        cloudfront = aws.client("cloudfront")
        etag = cloudfront.get_response_headers_policy(Id=resource_id)["ETag"]
        cloudfront.delete_response_headers_policy(Id=resource_id, IfMatch=etag)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        cloudfront = aws.client("cloudfront")
        etag = cloudfront.get_response_headers_policy(Id=resource_id)["ETag"]
        config = self._config(desired)
        cloudfront.update_response_headers_policy(Id=resource_id, IfMatch=etag, ResponseHeadersPolicyConfig=config)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("cloudfront").get_response_headers_policy(Id=resource_id)["ResponseHeadersPolicy"]
        config = found["ResponseHeadersPolicyConfig"]
        return {
            **camel(config, "name", "comment", "securityHeadersConfig"),
            "customHeadersConfig": {"items": camel_keys(config.get("CustomHeadersConfig", {}).get("Items", []))},
        }

    def _config(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        sections = {
            "SecurityHeadersConfig": _security(inputs.child("securityHeadersConfig")),
            "CustomHeadersConfig": _headers(inputs.child("customHeadersConfig")),
        }
        given = {key: value for key, value in sections.items() if value is not None}
        return {"Name": desired.physical_name(), **inputs.pick("comment"), **given}


def _security(given: Inputs | None) -> dict[str, Any] | None:
    if given is None:
        return None
    config = given.pick(*_PLAIN_SECURITY)
    transport = given.child("strictTransportSecurity")
    if transport is not None:
        config["StrictTransportSecurity"] = transport.pick(
            "accessControlMaxAgeSec", "includeSubdomains", "override", "preload"
        )
    return config


def _headers(given: Inputs | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return quantified([item.pick("header", "override", "value") for item in given.children("items")])
