"""A job's objects in S3, and the presigned URLs that let a browser or a machine touch exactly one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from functions.jobs.ports import StoredObject, StoredOutput, StoredPart, UploadForm
from functions.jobs.s3_keys import input_prefix, manifest_prefix, object_key, output_prefix, spec_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_NO_UPLOAD = "NoSuchUpload"  # for ids that it never gave, too
_MD5_ETAG = re.compile(r'"[0-9a-f]{32}"')


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

    def begin_parts(self, key: str, content_type: str) -> str:
        answer = self.client.create_multipart_upload(Bucket=self.uploads_bucket, Key=key, ContentType=content_type)
        return answer["UploadId"]

    def part_url(self, key: str, upload_id: str, number: int, size: int, expires_in: int) -> str:
        # The length becomes a signed header, so S3 takes a part of no other one.
        part: dict[str, str | int] = {"UploadId": upload_id, "PartNumber": number, "ContentLength": size}
        return self._presign("upload_part", self.uploads_bucket, key, expires_in, **part)

    def stored_parts(self, key: str, upload_id: str) -> list[StoredPart] | None:
        pages = self.client.get_paginator("list_parts").paginate(
            Bucket=self.uploads_bucket, Key=key, UploadId=upload_id
        )
        with _Missing(_NO_UPLOAD):
            return [
                StoredPart(part["PartNumber"], part["Size"], part["ETag"])
                for page in pages
                for part in page.get("Parts", [])
            ]
        return None

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        with _Missing(_NO_UPLOAD, "InvalidPart"):
            self.client.complete_multipart_upload(
                Bucket=self.uploads_bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
                MpuObjectSize=sum(part.size for part in parts),
            )
            return True
        return False

    def abort_parts(self, key: str, upload_id: str) -> None:
        with _Missing(_NO_UPLOAD):
            self.client.abort_multipart_upload(Bucket=self.uploads_bucket, Key=key, UploadId=upload_id)

    def copy_input(self, path: str, key: str) -> bool:
        with _Missing("NoSuchKey"):
            self.client.copy_object(
                Bucket=self.uploads_bucket,
                Key=key,
                CopySource={"Bucket": self.uploads_bucket, "Key": object_key(path)},
                # Tags are none of ours: a scanner of the account's may set some, which say nothing about the copy yet.
                TaggingDirective="REPLACE",
            )
            return True
        return False

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
        # Always an attachment of an inert type: whatever a script wrote is never shown on an origin of ours.
        return self._presign(
            "get_object",
            self.outputs_bucket,
            object_key(path),
            expires_in,
            ResponseContentDisposition=f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
            ResponseContentType="application/octet-stream",
        )

    def find_output(self, path: str) -> StoredOutput | None:
        with _Missing("404"):
            answer = self.client.head_object(Bucket=self.outputs_bucket, Key=object_key(path))
            # Of what one PUT stored and S3 encrypted with its own key, the ETag is the MD5; else it is something else
            # (S3 API reference, "Common Response Headers").
            is_md5 = _MD5_ETAG.fullmatch(answer["ETag"]) and answer.get("ServerSideEncryption") == "AES256"
            return StoredOutput(answer["ContentLength"], answer["ETag"].strip('"') if is_md5 else None)
        return None

    def put_manifest(self, key: str, body: bytes) -> str:
        self.client.put_object(Bucket=self.outputs_bucket, Key=key, Body=body, ContentType="application/json")
        return f"{self.outputs_bucket}/{key}"

    def manifest(self, path: str) -> bytes | None:
        with _Missing("NoSuchKey"):
            return self.client.get_object(Bucket=self.outputs_bucket, Key=object_key(path))["Body"].read()
        return None

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        self.client.put_object(Bucket=self.artifacts_bucket, Key=key, Body=body, ContentType="application/json")
        return self._presign("get_object", self.artifacts_bucket, key, expires_in)

    def payload_url(self, expires_in: int) -> str:
        return self._presign("get_object", self.artifacts_bucket, self.payload_key, expires_in)

    def delete_job(self, owner: str, job_id: str) -> int:
        places = (
            (self.uploads_bucket, input_prefix(owner, job_id)),
            (self.outputs_bucket, output_prefix(owner, job_id)),
            (self.outputs_bucket, manifest_prefix(owner, job_id)),
            (self.artifacts_bucket, spec_prefix(owner, job_id)),
        )
        return sum(self._delete_all(bucket, prefix) for bucket, prefix in places)

    def _delete_all(self, bucket: str, prefix: str) -> int:
        count = 0
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                self.client.delete_object(Bucket=bucket, Key=entry["Key"])
                count += 1
        return count

    def _presign(self, operation: str, bucket: str, key: str, expires_in: int, **extra: str | int) -> str:
        return self.client.generate_presigned_url(
            operation, Params={"Bucket": bucket, "Key": key, **extra}, ExpiresIn=expires_in
        )


class _Missing(AbstractContextManager["_Missing", bool]):
    """Leaves its block where S3 answers that what it asks for is not there, in one of these codes."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        return isinstance(error, ClientError) and error.response["Error"]["Code"] in self._codes
