from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from functions.aws.job_files import S3JobFiles
from functions.jobs.ports import StoredOutput, StoredPart
from tests.functions.aws.stubbed import stubbed

KEY = "inputs/alice/1/ä b+?.txt"
WHOLE = {"Bucket": "uploads", "Key": KEY, "UploadId": "u"}
PART = StoredPart(1, 5, '"1"')


class Stubbed:
    def __init__(self) -> None:
        client, self.stub = stubbed("s3")
        self.files = S3JobFiles(client, "uploads", "outputs")


@pytest.fixture
def s3() -> Iterator[Stubbed]:
    made = Stubbed()
    yield made
    made.stub.assert_no_pending_responses()


def test_a_parts_url_is_for_one_part_of_one_upload_and_signs_its_length(s3: Stubbed) -> None:
    url = urlsplit(s3.files.part_url(KEY, "u/+", 7, 33_554_432, 60))
    query = {key: value for key, (value,) in parse_qs(url.query).items()}
    assert (query["uploadId"], query["partNumber"], query["X-Amz-Expires"]) == ("u/+", "7", "60")
    assert query["X-Amz-SignedHeaders"] == "content-length;host"
    other = parse_qs(urlsplit(s3.files.part_url(KEY, "u/+", 7, 33_554_433, 60)).query)
    assert other["X-Amz-Signature"] != [query["X-Amz-Signature"]]


def test_an_upload_begins_with_the_files_type(s3: Stubbed) -> None:
    asked = {"Bucket": "uploads", "Key": KEY, "ContentType": "text/plain"}
    s3.stub.add_response("create_multipart_upload", {"UploadId": "u"}, asked)
    assert s3.files.begin_parts(KEY, "text/plain") == "u"


def test_all_pages_of_the_list_of_parts_are_read(s3: Stubbed) -> None:
    def page(number: int) -> list[dict[str, object]]:
        return [{"PartNumber": number, "Size": 5, "ETag": f'"{number}"'}]

    first = {"Parts": page(1), "IsTruncated": True, "NextPartNumberMarker": 1}
    s3.stub.add_response("list_parts", first, WHOLE)
    s3.stub.add_response("list_parts", {"Parts": page(2), "IsTruncated": False}, WHOLE | {"PartNumberMarker": 1})
    assert s3.files.stored_parts(KEY, "u") == [StoredPart(1, 5, '"1"'), StoredPart(2, 5, '"2"')]


def test_an_upload_without_parts_is_there_and_can_be_aborted(s3: Stubbed) -> None:
    s3.stub.add_response("list_parts", {"IsTruncated": False}, WHOLE)
    s3.stub.add_response("abort_multipart_upload", {}, WHOLE)
    assert s3.files.stored_parts(KEY, "u") == []
    s3.files.abort_parts(KEY, "u")


@pytest.mark.parametrize(
    ("operation", "code", "call", "answer"),
    [
        ("list_parts", "NoSuchUpload", lambda files: files.stored_parts(KEY, "u"), None),
        ("complete_multipart_upload", "NoSuchUpload", lambda files: files.join_parts(KEY, "u", [PART]), False),
        ("complete_multipart_upload", "InvalidPart", lambda files: files.join_parts(KEY, "u", [PART]), False),
        ("abort_multipart_upload", "NoSuchUpload", lambda files: files.abort_parts(KEY, "u"), None),
        ("copy_object", "NoSuchKey", lambda files: files.copy_input(f"uploads/{KEY}", "inputs/bob/2/x"), False),
        ("head_object", "404", lambda files: files.find_output("outputs/o"), None),
        ("get_object", "NoSuchKey", lambda files: files.manifest("outputs/manifests/1.json"), None),
    ],
)
def test_what_s3_does_not_have_is_an_answer_and_any_other_error_is_raised(
    s3: Stubbed, operation: str, code: str, call: Callable[[S3JobFiles], object], answer: object
) -> None:
    s3.stub.add_client_error(operation, code)
    assert call(s3.files) is answer
    s3.stub.add_client_error(operation, "AccessDenied")
    with pytest.raises(ClientError):
        call(s3.files)


def test_s3_is_told_which_parts_to_join_and_how_large_the_file_must_be(s3: Stubbed) -> None:
    listed = [{"PartNumber": 1, "ETag": '"1"'}, {"PartNumber": 2, "ETag": '"2"'}]
    s3.stub.add_response(
        "complete_multipart_upload", {}, WHOLE | {"MultipartUpload": {"Parts": listed}, "MpuObjectSize": 8}
    )
    assert s3.files.join_parts(KEY, "u", [StoredPart(1, 5, '"1"'), StoredPart(2, 3, '"2"')])


def test_an_input_is_copied_within_the_bucket_without_its_tags(s3: Stubbed) -> None:
    source = {"Bucket": "uploads", "Key": KEY}
    asked = {"Bucket": "uploads", "Key": "inputs/bob/2/x", "CopySource": source, "TaggingDirective": "REPLACE"}
    s3.stub.add_response("copy_object", {}, asked)
    assert s3.files.copy_input(f"uploads/{KEY}", "inputs/bob/2/x")


MD5 = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("etag", "encryption", "md5"),
    [
        (f'"{MD5}"', "AES256", MD5),
        (f'"{MD5}"', "aws:kms", None),
        (f'"{MD5}-2"', "AES256", None),
        (f'"{MD5}"', None, None),
    ],
)
def test_an_etag_is_taken_for_an_md5_only_where_s3_says_that_it_is_one(
    s3: Stubbed, etag: str, encryption: str | None, md5: str | None
) -> None:
    answer = {"ContentLength": 7, "ETag": etag} | ({"ServerSideEncryption": encryption} if encryption else {})
    s3.stub.add_response("head_object", answer, {"Bucket": "outputs", "Key": "o"})
    assert s3.files.find_output("outputs/o") == StoredOutput(7, md5)


def test_a_manifest_is_stored_and_read(s3: Stubbed) -> None:
    where = {"Bucket": "outputs", "Key": "manifests/1.json"}
    s3.stub.add_response("put_object", {}, where | {"Body": b"{}", "ContentType": "application/json"})
    s3.stub.add_response("get_object", {"Body": StreamingBody(BytesIO(b"{}"), 2)}, where)
    path = s3.files.put_manifest("manifests/1.json", b"{}")
    assert path == "outputs/manifests/1.json"
    assert s3.files.manifest(path) == b"{}"
