"""Lifecycle rules of a bucket."""

from __future__ import annotations

from typing import Any

from localcloud.engine.adapters.adapter import carries
from localcloud.engine.adapters.s3_bucket_settings import BucketSetting
from localcloud.engine.inputs import Inputs, camel_keys

_ACTIONS = ("abortIncompleteMultipartUpload", "expiration", "noncurrentVersionExpiration")


@carries("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
class BucketLifecycleConfiguration(BucketSetting):
    deletion = "delete_bucket_lifecycle"
    getting = "get_bucket_lifecycle_configuration"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        rules = [_rule(rule) for rule in inputs.children("rules")]
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {"rules": camel_keys(answer["Rules"])}


def _rule(rule: Inputs) -> dict[str, Any]:
    wanted = rule.child("filter")
    # An empty prefix is what the provider sends for a rule over the whole bucket.
    return {
        "ID": rule["id"],
        **rule.pick("status", *_ACTIONS),
        "Filter": {"Prefix": wanted.get("prefix", "") if wanted else ""},
    }
