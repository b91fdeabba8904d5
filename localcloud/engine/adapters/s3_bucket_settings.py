"""What is set on a bucket with one call each; the resource's id is the bucket's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs


class BucketSetting(Adapter):
    """One put, one get and one delete.

    Attributes:
        noun: as in `put_{noun}`.
        deletion: the method that deletes it, where that has another name; empty where AWS has none.
        parameter: of the put call, and the member of the get call's answer, that has the inputs.
    """

    noun: ClassVar[str]
    deletion: ClassVar[str | None] = None
    parameter: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    is_put = True
    replaced_by = ("bucket",)  # s3/bucket_*.go

    def create(self, aws: Aws, desired: Desired) -> Created:
        bucket = desired.inputs["bucket"]
        setting = {self.parameter: self.setting(desired.inputs)}
        getattr(aws.client("s3"), f"put_{self.noun}")(Bucket=bucket, **setting)
        return Created(bucket)

    def setting(self, inputs: Inputs) -> Any:
        """What the put call takes."""
        return inputs.take(*self.inputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        method = f"delete_{self.noun}" if self.deletion is None else self.deletion
        if method:
            getattr(aws.client("s3"), method)(Bucket=resource_id)

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = getattr(aws.client("s3"), f"get_{self.noun}")(Bucket=resource_id)
        return self.live(answer.get(self.parameter, answer))


@carries("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
class BucketPublicAccessBlock(BucketSetting):
    noun, parameter = "public_access_block", "PublicAccessBlockConfiguration"
    inputs = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

    def setting(self, inputs: Inputs) -> dict[str, Any]:
        return {**dict.fromkeys(self.inputs, False), **super().setting(inputs)}


@carries("aws:s3/bucketPolicy:BucketPolicy")
class BucketPolicy(BucketSetting):
    noun, parameter = "bucket_policy", "Policy"

    def setting(self, inputs: Inputs) -> Any:
        return inputs["policy"]

    def live(self, answer: Any) -> dict[str, Any]:
        return {"policy": answer}


@carries("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
class BucketOwnershipControls(BucketSetting):
    noun, parameter = "bucket_ownership_controls", "OwnershipControls"

    def setting(self, inputs: Inputs) -> dict[str, Any]:
        return {"Rules": [inputs["rule"]]}

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        [rule] = answer["Rules"]
        return super().live({"Rule": rule})


@carries("aws:s3/bucketVersioning:BucketVersioning")
class BucketVersioning(BucketSetting):
    """Versioning cannot be taken off again, only suspended, and it goes with the bucket."""

    noun, parameter, deletion = "bucket_versioning", "VersioningConfiguration", ""

    def setting(self, inputs: Inputs) -> Any:
        return inputs["versioningConfiguration"]

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        return super().live({self.parameter: answer})


@carries("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
class BucketCorsConfiguration(BucketSetting):
    noun, parameter, inputs = "bucket_cors", "CORSConfiguration", ("corsRules",)


@carries("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
class BucketEncryption(BucketSetting):
    noun, parameter, inputs = "bucket_encryption", "ServerSideEncryptionConfiguration", ("rules",)


@carries("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
class BucketLifecycleConfiguration(BucketSetting):
    noun, parameter, deletion = "bucket_lifecycle_configuration", "LifecycleConfiguration", "delete_bucket_lifecycle"

    def setting(self, inputs: Inputs) -> dict[str, Any]:
        # An empty prefix is what the provider sends for a rule over the whole bucket.
        whole = {"filter": {"prefix": ""}}
        return {"Rules": [{**each, **({} if each.get("filter") else whole)} for each in inputs["rules"]]}
