"""What is set on a bucket with one call each; the resource's id is the bucket's name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs, camel_keys, json_text

_PUBLIC_ACCESS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


class BucketSetting(Adapter):
    """One put and one delete; `deletion` is empty where AWS has none."""

    deletion = ""
    getting = ""
    found_by = ("bucket",)
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        bucket = desired.inputs["bucket"]
        self.put(aws.client("s3"), bucket, desired.inputs)
        return Created(bucket)

    @abstractmethod
    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None: ...

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        if self.deletion:
            getattr(aws.client("s3"), self.deletion)(Bucket=resource_id)

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(getattr(aws.client("s3"), self.getting)(Bucket=resource_id))

    @abstractmethod
    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What S3's answer says, in the inputs' names."""


@carries("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
class BucketPublicAccessBlock(BucketSetting):
    deletion = "delete_public_access_block"
    getting = "get_public_access_block"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        given = inputs.pick(*_PUBLIC_ACCESS)
        unset = {key[:1].upper() + key[1:]: False for key in _PUBLIC_ACCESS}
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={**unset, **given})

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        return camel(answer["PublicAccessBlockConfiguration"], *_PUBLIC_ACCESS)


@carries("aws:s3/bucketPolicy:BucketPolicy")
class BucketPolicy(BucketSetting):
    deletion = "delete_bucket_policy"
    getting = "get_bucket_policy"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        s3.put_bucket_policy(Bucket=bucket, Policy=json_text(inputs["policy"]))

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        return camel(answer, "policy")


@carries("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
class BucketOwnershipControls(BucketSetting):
    deletion = "delete_bucket_ownership_controls"
    getting = "get_bucket_ownership_controls"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        rules = [inputs.pick("rule")["Rule"]]
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        [rule] = answer["OwnershipControls"]["Rules"]
        return {"rule": camel_keys(rule)}


@carries("aws:s3/bucketVersioning:BucketVersioning")
class BucketVersioning(BucketSetting):
    """Versioning cannot be taken off again, only suspended, and it goes with the bucket."""

    getting = "get_bucket_versioning"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        configuration = inputs.pick("versioningConfiguration")["VersioningConfiguration"]
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=configuration)

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {"versioningConfiguration": camel(answer, "status", "mfaDelete")}


@carries("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
class BucketCorsConfiguration(BucketSetting):
    deletion = "delete_bucket_cors"
    getting = "get_bucket_cors"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        keys = ("allowedHeaders", "allowedMethods", "allowedOrigins", "maxAgeSeconds")
        rules = [rule.pick(*keys) for rule in inputs.children("corsRules")]
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {"corsRules": camel_keys(answer["CORSRules"])}


@carries("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
class BucketEncryption(BucketSetting):
    deletion = "delete_bucket_encryption"
    getting = "get_bucket_encryption"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        defaults = [rule.child("applyServerSideEncryptionByDefault") for rule in inputs.children("rules")]
        rules = [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": default["sseAlgorithm"]}}
            for default in defaults
            if default is not None
        ]
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})

    def live(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {"rules": [_live_rule(rule) for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]]}


def _live_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return {"applyServerSideEncryptionByDefault": {"sseAlgorithm": default.get("SSEAlgorithm")}}
