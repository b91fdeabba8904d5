"""The S3 in memory joins parts and lists keys as S3 does (API reference: CompleteMultipartUpload, ListObjectsV2)."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulation.s3 import S3

OBJECT = {"Bucket": "uploads", "Key": "a"}
MIB = 1 << 20


def begin(s3: S3, *sizes: int) -> dict[str, Any]:
    """What names an upload that has parts of these sizes."""
    upload_id = s3.client.create_multipart_upload(**OBJECT)["UploadId"]
    s3.uploads["a", upload_id].update(
        (number, {"PartNumber": number, "Size": size, "ETag": f"e{number}"}) for number, size in enumerate(sizes, 1)
    )
    return {**OBJECT, "UploadId": upload_id}


def complete(s3: S3, upload: dict[str, Any], *numbers: int, **given: Any) -> None:
    parts = [{"PartNumber": number, "ETag": f"e{number}"} for number in numbers]
    s3.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **given)


def test_parts_are_joined() -> None:
    s3 = S3()
    complete(s3, begin(s3, 5 * MIB, 3), 1, 2, MpuObjectSize=5 * MIB + 3)
    assert len(s3.objects["uploads/a"]) == 5 * MIB + 3


def test_a_late_call_for_an_ended_upload_finds_no_upload() -> None:
    s3 = S3()
    ended = begin(s3, 3)
    complete(s3, ended, 1)
    aborted = begin(s3, 3)
    s3.client.abort_multipart_upload(**aborted)
    begin(s3, 3)
    for late in (ended, aborted):
        with pytest.raises(ClientError, match="NoSuchUpload"):
            complete(s3, late, 1)


@pytest.mark.parametrize(
    ("sizes", "numbers", "total", "code"),
    [
        ((5 * MIB, 3), (2, 1), 5 * MIB + 3, "InvalidPartOrder"),
        ((5 * MIB, 3), (1, 1), 10 * MIB, "InvalidPartOrder"),
        ((5 * MIB - 1, 3), (1, 2), 5 * MIB + 2, "EntityTooSmall"),
        ((5 * MIB, 3), (1, 2), 5 * MIB, "InvalidRequest"),
    ],
)
def test_parts_that_s3_does_not_join_stay(
    sizes: tuple[int, ...], numbers: tuple[int, ...], total: int, code: str
) -> None:
    s3 = S3()
    upload = begin(s3, *sizes)
    with pytest.raises(ClientError, match=code):
        complete(s3, upload, *numbers, MpuObjectSize=total)
    assert len(s3.client.list_parts(**upload)["Parts"]) == len(sizes)
    assert not s3.objects


def test_a_page_lists_a_thousand_keys() -> None:
    s3 = S3()
    for number in range(2_001):
        s3.put(f"outputs/a/{number:04}", b"")
    s3.put("outputs/b", b"")
    pages = list(s3.client.get_paginator("list_objects_v2").paginate(Bucket="outputs", Prefix="a/"))
    assert [len(page["Contents"]) for page in pages] == [1_000, 1_000, 1]
    assert pages[-1]["Contents"][0]["Key"] == "a/2000"
