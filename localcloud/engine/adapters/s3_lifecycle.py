"""Lifecycle rules of a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.adapters.s3 import s3_keys
from localcloud.engine.adapters.s3_bucket_settings import BucketSetting
from localcloud.engine.inputs import camel_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.inputs import Inputs

_ACTIONS = (
    "abortIncompleteMultipartUpload",
    "expiration",
    "noncurrentVersionExpiration",
    "noncurrentVersionTransitions",
    "transitions",
)


@carries("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
class BucketLifecycleConfiguration(BucketSetting):
    deletion = "delete_bucket_lifecycle"
    getting = "get_bucket_lifecycle_configuration"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        rules = [_rule(rule) for rule in inputs.children("rules")]
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket,
            LifecycleConfiguration={"Rules": rules},
            **inputs.pick("transitionDefaultMinimumObjectSize"),
        )

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        found = camel(answer, "transitionDefaultMinimumObjectSize")
        return {**found, "rules": [_live_rule(rule) for rule in answer["Rules"]]}


def _rule(rule: Inputs) -> dict[str, Any]:
    request = s3_keys(rule, "id", "status", *_ACTIONS)
    if "prefix" in rule:
        return {**request, "Prefix": rule["prefix"]}
    return {**request, "Filter": _filter(rule.child("filter"))}


def _live_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = camel_keys(rule)
    wanted = found.get("filter", {})
    both = wanted.get("and")
    if both:
        wanted["and"] = {**both, "tags": {tag["key"]: tag["value"] for tag in both.get("tags", [])}}
    return found


def _filter(given: Inputs | None) -> dict[str, Any]:
    if given is None:
        return {"Prefix": ""}  # what the provider sends for a rule over the whole bucket
    simple = given.pick("prefix", "tag", "objectSizeGreaterThan", "objectSizeLessThan")
    both = given.child("and")
    if both is None:
        return simple or {"Prefix": ""}
    request = both.pick("prefix", "objectSizeGreaterThan", "objectSizeLessThan")
    if "tags" in both:
        request["Tags"] = [{"Key": key, "Value": value} for key, value in both["tags"].items()]
    return {**simple, "And": request}
