"""A job's objects in S3, and the presigned URLs that let a browser or a machine touch exactly one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from functions.jobs.paths import input_prefix, object_key, output_prefix, spec_prefix
from functions.jobs.ports import StoredObject, UploadForm

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class S3JobFiles:
    """functions.jobs.ports.JobFiles over S3. A bucket that a function never touches may stay empty."""

    client: S3Client
    uploads_bucket: str
    outputs_bucket: str
    artifacts_bucket: str = ""
    payload_key: str = ""

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm:
        form = self.client.generate_presigned_post(
            self.uploads_bucket,
            key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", size, size]],
            ExpiresIn=expires_in,
        )
        return UploadForm(form["url"], form["fields"])

    def find_input(self, owner: str, job_id: str) -> StoredObject | None:
        answer = self.client.list_objects_v2(Bucket=self.uploads_bucket, Prefix=input_prefix(owner, job_id), MaxKeys=1)
        for entry in answer.get("Contents", []):
            return StoredObject(f"{self.uploads_bucket}/{entry['Key']}", entry["Size"])
        return None

    def input_url(self, path: str, expires_in: int) -> str:
        return self._presign("get_object", self.uploads_bucket, object_key(path), expires_in)

    def output_path(self, key: str) -> str:
        return f"{self.outputs_bucket}/{key}"

    def output_upload_url(self, key: str, expires_in: int) -> str:
        return self._presign("put_object", self.outputs_bucket, key, expires_in)

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str:
        # Always an attachment of an inert type: whatever a script wrote is never shown on anybody's origin.
        return self._presign(
            "get_object",
            self.outputs_bucket,
            object_key(path),
            expires_in,
            ResponseContentDisposition=f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
            ResponseContentType="application/octet-stream",
        )

    def output_size(self, path: str) -> int | None:
        try:
            return self.client.head_object(Bucket=self.outputs_bucket, Key=object_key(path))["ContentLength"]
        except self.client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return None
            raise

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        self.client.put_object(Bucket=self.artifacts_bucket, Key=key, Body=body, ContentType="application/json")
        return self._presign("get_object", self.artifacts_bucket, key, expires_in)

    def payload_url(self, expires_in: int) -> str:
        return self._presign("get_object", self.artifacts_bucket, self.payload_key, expires_in)

    def delete_job(self, owner: str, job_id: str) -> None:
        self._delete_all(self.uploads_bucket, input_prefix(owner, job_id))
        self._delete_all(self.outputs_bucket, output_prefix(owner, job_id))
        self._delete_all(self.artifacts_bucket, spec_prefix(owner, job_id))

    def _delete_all(self, bucket: str, prefix: str) -> None:
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                self.client.delete_object(Bucket=bucket, Key=entry["Key"])

    def _presign(self, operation: str, bucket: str, key: str, expires_in: int, **extra: str) -> str:
        return self.client.generate_presigned_url(
            operation, Params={"Bucket": bucket, "Key": key, **extra}, ExpiresIn=expires_in
        )
