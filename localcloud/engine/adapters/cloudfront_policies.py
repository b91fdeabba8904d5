"""CloudFront's origin access controls and response headers policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired


class _Policy(Adapter):
    """One whose configuration goes and comes as a whole, and which is changed and deleted by its current ETag."""

    noun: ClassVar[str]  # as in `create_{noun}`
    shape: ClassVar[str]  # as in `{shape}Config`, which the calls take
    inputs: ClassVar[tuple[str, ...]]

    def create(self, aws: Aws, desired: Desired) -> Created:
        answer = self._call(aws, "create", **self._config(desired))
        identity = answer[self.shape]["Id"]
        arn = f"arn:{aws.partition}:cloudfront::{aws.account}:{self.noun.replace('_', '-')}/{identity}"
        return Created(identity, {"name": desired.physical_name(), "arn": arn, "etag": answer.get("ETag")})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        etag = self._call(aws, "get", Id=resource_id)["ETag"]
        self._call(aws, "update", Id=resource_id, IfMatch=etag, **self._config(desired))
        return {}

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        self._call(aws, "delete", Id=resource_id, IfMatch=self._call(aws, "get", Id=resource_id)["ETag"])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(self._call(aws, "get", Id=resource_id)[self.shape][f"{self.shape}Config"])

    def _config(self, desired: Desired) -> dict[str, Any]:
        return {f"{self.shape}Config": {"Name": desired.physical_name(), **desired.inputs.take(*self.inputs)}}

    def _call(self, aws: Aws, verb: str, **params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(aws.client("cloudfront"), f"{verb}_{self.noun}")(**params)
        return answer


@carries("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(_Policy):
    replaced_by = ()  # cloudfront/origin_access_control.go
    longest_name = 64  # API reference, OriginAccessControlConfig
    noun, shape = "origin_access_control", "OriginAccessControl"
    inputs = ("originAccessControlOriginType", "signingBehavior", "signingProtocol")


@carries("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(_Policy):
    replaced_by = ()  # cloudfront/response_headers_policy.go
    longest_name = 128  # developer guide, "Response headers policies"
    noun, shape = "response_headers_policy", "ResponseHeadersPolicy"
    inputs = ("comment", "securityHeadersConfig", "customHeadersConfig")
