"""Amazon S3: objects, uploads in parts and presigned URLs, behind a client like boto3's for functions/aws/job_files.py.

Errors have the codes that S3's API reference has. Parameters are checked by the tests of that adapter.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Mapping
from io import BytesIO
from itertools import count, pairwise, takewhile
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from simulation.client import Maker, client, refused

UPLOADS, OUTPUTS, ARTIFACTS = "uploads", "outputs", "artifacts"
_PAGE_KEYS = 1_000
_BODY = "Body"  # of a part, which no list has; a part without one is of zeros
_LEAST_PART_BYTES = 5 << 20  # of each part but the last
# How a presigned URL's query has what botocore calls otherwise (S3 API reference, UploadPart and GetObject).
_IN_QUERY = {
    "PartNumber": "partNumber",
    "ResponseContentDisposition": "response-content-disposition",
    "ResponseContentType": "response-content-type",
    "UploadId": "uploadId",
}
_Given = Mapping[str, Any]


class S3:
    """`objects` are bytes by `bucket/key`, `uploads` the parts as they are listed, by key and upload id.

    Calls of `client` go through `calls` where there are some. Presigned URLs begin with `url`. `on_store` hears of each
    object before it is stored.
    """

    def __init__(self, calls: Maker | None = None, url: str = "https://s3.test/") -> None:
        self.url = url
        self.least_part_bytes = _LEAST_PART_BYTES
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
        self.on_store: list[Callable[[str, bytes], None]] = []
        self._paths: list[str] = []  # sorted
        self._upload_numbers = count(1)
        self._signatures: Counter[str] = Counter()
        operations: Mapping[str, Callable[..., Any]] = {
            "AbortMultipartUpload": self._abort,
            "CompleteMultipartUpload": self._complete,
            "CopyObject": lambda **given: self.put(_path(given), self._body(given["CopySource"])),
            "CreateMultipartUpload": self._create,
            "DeleteObject": lambda **given: self.remove(_path(given)),
            "GetObject": lambda **given: {"Body": BytesIO(self._body(given))},
            "HeadObject": self._head,
            "ListObjectsV2": self._list,
            "ListParts": self._list_parts,
            "PutObject": lambda **given: self.put(_path(given), given["Body"]),
        }
        presigned = {"generate_presigned_post": self._presigned_post, "generate_presigned_url": self._presigned_url}
        self.client = client("s3", calls, operations, **presigned)

    def put(self, path: str, body: bytes) -> None:
        """Stores an object at `bucket/key`, with no caller to check."""
        for observer in self.on_store:
            observer(path, body)
        if path not in self.objects:
            insort(self._paths, path)
        self.objects[path] = body

    def remove(self, path: str) -> None:
        if self.objects.pop(path, None) is not None:
            del self._paths[bisect_left(self._paths, path)]

    def fetch(self, url: str) -> bytes | None:
        """What a presigned URL answers."""
        return self.objects.get(path_of(url))

    def store_part(self, key: str, upload_id: str, number: int, body: bytes) -> str | None:
        """What a PUT of a part does: its ETag, None where there is no such upload."""
        if (key, upload_id) not in self.uploads:
            return None
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self.uploads[key, upload_id][number] = {"PartNumber": number, "Size": len(body), "ETag": etag, _BODY: body}
        return etag

    def _presigned_post(self, bucket: str, key: str, *, Fields: _Given, Conditions: Any, ExpiresIn: int) -> _Given:  # noqa: ARG002
        return {"url": f"{self.url}{bucket}", "fields": {**Fields, "key": key}}

    def _presigned_url(self, operation: str, *, Params: _Given, ExpiresIn: int) -> str:  # noqa: ARG002
        rest = {_IN_QUERY.get(name, name): value for name, value in Params.items() if name not in {"Bucket", "Key"}}
        url = f"{self.url}{quote(_path(Params))}?{urlencode(rest | {'expires': ExpiresIn})}"
        self._signatures[url] += 1  # a renewed URL is another one
        return f"{url}&signature={self._signatures[url]}"

    def _body(self, given: _Given, missing: str = "NoSuchKey") -> bytes:
        if _path(given) not in self.objects:
            raise refused("s3:GetObject", missing)
        return self.objects[_path(given)]

    def _head(self, **given: Any) -> dict[str, Any]:
        body = self._body(given, "404")
        md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return {"ContentLength": len(body), "ETag": f'"{md5}"', "ServerSideEncryption": "AES256"}

    def _list(self, **given: Any) -> dict[str, Any]:
        bucket, most = given["Bucket"], min(given.get("MaxKeys", _PAGE_KEYS), _PAGE_KEYS)
        prefix, token = f"{bucket}/{given['Prefix']}", given.get("ContinuationToken")
        low = bisect_right(self._paths, f"{bucket}/{token}") if token else bisect_left(self._paths, prefix)
        found = list(takewhile(lambda path: path.startswith(prefix), self._paths[low : low + most + 1]))
        keys = [path.partition("/")[2] for path in found[:most]]
        listed = [{"Key": key, "Size": len(self.objects[f"{bucket}/{key}"])} for key in keys]
        return {"Contents": listed} | ({"NextContinuationToken": keys[-1]} if len(found) > most else {})

    def _parts(self, given: _Given) -> dict[int, dict[str, Any]]:
        if _upload(given) not in self.uploads:
            raise refused("s3:ListParts", "NoSuchUpload")
        return self.uploads[_upload(given)]

    def _list_parts(self, **given: Any) -> dict[str, Any]:
        parts = (part for _, part in sorted(self._parts(given).items()))
        return {"Parts": [{name: value for name, value in part.items() if name != _BODY} for part in parts]}

    def _create(self, **given: Any) -> dict[str, Any]:
        upload_id = f"upload-{next(self._upload_numbers)}"
        self.uploads[given["Key"], upload_id] = {}
        return {"UploadId": upload_id}

    def _abort(self, **given: Any) -> None:
        self._parts(given)
        del self.uploads[_upload(given)]

    def _complete(self, **given: Any) -> None:
        parts, asked = self._parts(given), given["MultipartUpload"]["Parts"]
        if any(one["PartNumber"] >= after["PartNumber"] for one, after in pairwise(asked)):
            raise refused("s3:CompleteMultipartUpload", "InvalidPartOrder")
        joined = [parts.get(one["PartNumber"], {}) for one in asked]
        if [part.get("ETag") for part in joined] != [one["ETag"] for one in asked]:
            raise refused("s3:CompleteMultipartUpload", "InvalidPart")
        if any(part["Size"] < self.least_part_bytes for part in joined[:-1]):
            raise refused("s3:CompleteMultipartUpload", "EntityTooSmall")
        size = sum(part["Size"] for part in joined)
        if given.get("MpuObjectSize", size) != size:
            raise refused("s3:CompleteMultipartUpload", "InvalidRequest")
        self._abort(**given)
        self.put(_path(given), b"".join(part.get(_BODY) or bytes(part["Size"]) for part in joined))


def _path(given: _Given) -> str:
    return f"{given['Bucket']}/{given['Key']}"


def _upload(given: _Given) -> tuple[str, str]:
    return given["Key"], given["UploadId"]


def path_of(url: str) -> str:
    """The `bucket/key` of a presigned URL."""
    return unquote(urlsplit(url).path).removeprefix("/")
