"""CloudFront's origin access controls and response headers policies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs, camel_keys

_ORIGIN_ACCESS = ("originAccessControlOriginType", "signingBehavior", "signingProtocol")
_PLAIN_SECURITY = ("contentSecurityPolicy", "contentTypeOptions", "frameOptions", "referrerPolicy")


def quantified(items: list[Any]) -> dict[str, Any]:
    """A list as CloudFront takes it."""
    return {"Quantity": len(items), **({"Items": items} if items else {})}


class _Policy(Adapter):
    """One whose configuration goes and comes as a whole, and which is changed and deleted by its current ETag."""

    noun: ClassVar[str]  # as in `create_{noun}`
    shape: ClassVar[str]  # as in `{shape}Config`, which the calls take

    @abstractmethod
    def config(self, desired: Desired) -> dict[str, Any]: ...

    @abstractmethod
    def live(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """As `Adapter.read`."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        config = self.config(desired)
        answer = self._call(aws, "create", **{f"{self.shape}Config": config})
        identity = answer[self.shape]["Id"]
        arn = f"arn:{aws.partition}:cloudfront::{aws.account}:{self.noun.replace('_', '-')}/{identity}"
        return Created(identity, {"name": config["Name"], "arn": arn, "etag": answer.get("ETag")})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        etag = self._call(aws, "get", Id=resource_id)["ETag"]
        self._call(aws, "update", Id=resource_id, IfMatch=etag, **{f"{self.shape}Config": self.config(desired)})
        return {}

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        self._call(aws, "delete", Id=resource_id, IfMatch=self._call(aws, "get", Id=resource_id)["ETag"])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(self._call(aws, "get", Id=resource_id)[self.shape][f"{self.shape}Config"])

    def _call(self, aws: Aws, verb: str, **params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(aws.client("cloudfront"), f"{verb}_{self.noun}")(**params)
        return answer


@carries("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(_Policy):
    noun, shape = "origin_access_control", "OriginAccessControl"

    def config(self, desired: Desired) -> dict[str, Any]:
        return {"Name": desired.physical_name(), **desired.inputs.pick(*_ORIGIN_ACCESS)}

    def live(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return camel(config, "name", *_ORIGIN_ACCESS)


@carries("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(_Policy):
    noun, shape = "response_headers_policy", "ResponseHeadersPolicy"

    def config(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        sections = {
            "SecurityHeadersConfig": _security(inputs.child("securityHeadersConfig")),
            "CustomHeadersConfig": _headers(inputs.child("customHeadersConfig")),
        }
        given = {key: value for key, value in sections.items() if value is not None}
        return {"Name": desired.physical_name(), **inputs.pick("comment"), **given}

    def live(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **camel(config, "name", "comment", "securityHeadersConfig"),
            "customHeadersConfig": {"items": camel_keys(config.get("CustomHeadersConfig", {}).get("Items", []))},
        }


def _security(given: Inputs | None) -> dict[str, Any] | None:
    if given is None:
        return None
    config = given.pick(*_PLAIN_SECURITY)
    transport = given.child("strictTransportSecurity")
    if transport is not None:
        config["StrictTransportSecurity"] = transport.pick("accessControlMaxAgeSec", "override")
    return config


def _headers(given: Inputs | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return quantified([item.pick("header", "override", "value") for item in given.children("items")])
