"""S3 buckets and objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from localcloud.engine.adapters.adapter import Adapter, Created, carries, deletes
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs
from localcloud.engine.records import Blob

_HOME_REGION = "us-east-1"  # the one region that S3 wants left out of CreateBucket
_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"  # AmazonS3/latest/userguide/bucketnamingrules.html
_BATCH = 1000  # keys that DeleteObjects takes at once


@carries("aws:s3/bucket:Bucket")
class Bucket(Adapter):
    replaced_by = ("bucket",)  # s3/bucket.go
    longest_name = 63  # user guide, "General purpose bucket naming rules"
    changeable = ("forceDestroy",)

    def create(self, aws: Aws, desired: Desired) -> Created:
        s3 = aws.client("s3")
        name = desired.physical_name("bucket", _NAME)
        location = None if aws.region == _HOME_REGION else {"LocationConstraint": aws.region}
        desired.inputs.get("forceDestroy")  # used by `delete`
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
        if desired.tags:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": desired.tags})
        return Created(
            name,
            {
                "bucket": name,
                "arn": f"arn:{aws.partition}:s3:::{name}",
                "bucketDomainName": f"{name}.s3.amazonaws.com",
                "bucketRegionalDomainName": f"{name}.s3.{aws.region}.amazonaws.com",
                "bucketRegion": aws.region,
            },
        )

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        if state.get("forceDestroy"):
            _empty(aws, resource_id)
        aws.client("s3").delete_bucket(Bucket=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        aws.client("s3").head_bucket(Bucket=resource_id)
        return {}


@carries("aws:s3/bucketObjectv2:BucketObjectv2")
class BucketObject(Adapter):
    replaced_by = ("bucket", "key")  # s3/object.go
    is_put = True
    delete = deletes("s3", "delete_object", Bucket="bucket", Key="key")

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        bucket, key = inputs["bucket"], inputs.get("key", desired.name)
        answer = aws.client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=_body(inputs),
            **inputs.take("cacheControl", "contentType"),
            Tagging=urlencode(desired.tags) if desired.tags else None,
        )
        return Created(
            f"{bucket}/{key}",
            {
                "key": key,
                "arn": f"arn:{aws.partition}:s3:::{bucket}/{key}",
                "etag": str(answer.get("ETag", "")).strip('"'),
                "versionId": answer.get("VersionId", ""),
                "contentType": inputs.get("contentType", "application/octet-stream"),
                "serverSideEncryption": "AES256",
                "storageClass": "STANDARD",
            },
        )

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(aws.client("s3").head_object(Bucket=state["bucket"], Key=state["key"]))


def _body(inputs: Inputs) -> bytes:
    source: Blob | None = inputs.get("source")
    if source is not None:
        return source.data
    return str(inputs.get("content", "")).encode()


def _empty(aws: Aws, bucket: str) -> None:
    s3 = aws.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        _delete_objects(s3, bucket, [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        _delete_objects(s3, bucket, [{"Key": item["Key"]} for item in page.get("Contents", [])])


def _delete_objects(s3: Any, bucket: str, objects: list[dict[str, str]]) -> None:
    for start in range(0, len(objects), _BATCH):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects[start : start + _BATCH], "Quiet": True})
