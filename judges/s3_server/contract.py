"""What Mayfly relies on of S3 for a job's files.

As AWS documents it: S3 API reference, "POST Object", "POST Policy", "Authenticating Requests: Using Query Parameters",
"UploadPart", "CompleteMultipartUpload", "GetObject". Each check is a sentence; they go through the real adapter and do
what browsers and machines do. `make judges` holds another S3 server to them, `make test` the local cloud.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx

from ec2_payload.wrapper.http_call import TransferError
from ec2_payload.wrapper.transfer import download, upload
from functions.aws.job_files import S3JobFiles
from functions.jobs.ports import StoredPart, UploadForm
from functions.jobs.s3_keys import input_key, manifest_key, output_key, spec_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR = 3600
MIB = 1024 * 1024
NAMES = (
    "x.txt",
    "ä b+%25 & =.txt",
    "“quoted” 'q' \"q\".txt",
    "a;b,c?d#e.txt",
    "日本語 🪰.bin",
    "~tilde (1) [2] {3}.txt",
)
_EXPIRY_TIMEOUT_S = 30


@dataclass(frozen=True)
class Store:
    """A server with the three buckets, and one new job's owner and id."""

    client: S3Client
    uploads: str
    outputs: str
    artifacts: str
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def files(self) -> S3JobFiles:
        return S3JobFiles(self.client, self.uploads, self.outputs, self.artifacts, f"payloads/{self.owner}")

    def input_key(self, filename: str = "x.txt") -> str:
        return input_key(self.owner, self.job_id, filename)

    def output_key(self, filename: str = "x.txt") -> str:
        return output_key(self.owner, self.job_id, 1, filename)

    def read(self, bucket: str, key: str) -> bytes:
        return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()


def post(form: UploadForm, content: bytes, **changes: str) -> int:
    """As a browser sends a form: the fields, then the file."""
    return _http("POST", form.url, data={**form.fields, **changes}, files={"file": ("x", content)}).status_code


def put(url: str, content: bytes) -> int:
    return _http("PUT", url, content=content).status_code


def get(url: str, **headers: str) -> httpx.Response:
    return _http("GET", url, headers=headers)


def _http(method: str, url: str, **options: Any) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as http:
        return http.request(method, url, **options)


def _until_refused(what: str, attempt: Callable[[], int]) -> None:
    """It was made for a second."""
    deadline = time.monotonic() + _EXPIRY_TIMEOUT_S
    while (status := attempt()) not in {400, 403}:
        assert time.monotonic() < deadline, f"{what} is still good, long after it expired: {status}"


def an_upload_form_takes_its_file_and_keeps_its_type(store: Store) -> None:
    for filename in NAMES:
        key = store.input_key(filename)
        form = store.files.upload_form(key, 5, "text/x-mayfly", HOUR)
        assert post(form, b"12345") == 204, filename
        assert store.read(store.uploads, key) == b"12345"
        assert store.client.head_object(Bucket=store.uploads, Key=key)["ContentType"] == "text/x-mayfly"
        found = store.files.find_input(store.owner, store.job_id)
        assert found is not None
        assert (found.path, found.size) == (f"{store.uploads}/{key}", 5)
        store.files.delete_job(store.owner, store.job_id)


def an_upload_form_for_an_empty_file_takes_no_other(store: Store) -> None:
    form = store.files.upload_form(store.input_key(), 0, "text/plain", HOUR)
    assert post(form, b"1") == 400
    assert post(form, b"") == 204


def an_upload_form_takes_nothing_but_what_it_was_made_for(store: Store) -> None:
    key = store.input_key()
    form = store.files.upload_form(key, 5, "text/plain", HOUR)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    policy["conditions"] = [each for each in policy["conditions"] if "content-length-range" not in each]
    widened = base64.b64encode(json.dumps(policy).encode()).decode()
    for changes in (
        {"key": store.input_key("y.txt")},
        {"key": f"{key}/y"},
        {"key": key + "${filename}"},
        {"Content-Type": "text/html"},
        {"policy": widened},
        {"x-amz-signature": "0" * 64},
        {"acl": "public-read"},
        {"x-amz-meta-note": "x"},
        {"success_action_status": "200"},
        {"success_action_redirect": "http://127.0.0.1/"},
    ):
        assert post(form, b"12345", **changes) in {400, 403}, changes
    elsewhere = UploadForm(form.url.replace(store.uploads, store.outputs), form.fields)
    assert post(elsewhere, b"12345") in {400, 403}
    for size in (0, 4, 6, MIB):
        assert post(form, bytes(size)) == 400, size
    assert store.files.find_input(store.owner, store.job_id) is None
    for missing in ("policy", "x-amz-signature", "x-amz-credential", "Content-Type", "key"):
        fields = {name: value for name, value in form.fields.items() if name != missing}
        assert post(UploadForm(form.url, fields), b"12345") in {400, 403}, missing
    assert post(form, b"12345") == 204


def an_upload_form_ends(store: Store) -> None:
    form = store.files.upload_form(store.input_key(), 1, "text/plain", 1)
    _until_refused("the form", lambda: post(form, b"1"))


def a_file_goes_in_parts_which_are_joined_in_their_order(store: Store) -> None:
    key = store.input_key("ä b+%.txt")
    upload_id = store.files.begin_parts(key, "text/x-mayfly")
    contents = [b"1" * 5 * MIB, b"2" * 5 * MIB, b"3"]
    for number in (3, 1, 2):
        content = contents[number - 1]
        assert put(store.files.part_url(key, upload_id, number, len(content), HOUR), content) == 200
    stored = store.files.stored_parts(key, upload_id)
    assert stored is not None
    assert [(part.number, part.size) for part in stored] == [(1, 5 * MIB), (2, 5 * MIB), (3, 1)]
    assert store.files.find_input(store.owner, store.job_id) is None
    assert store.files.join_parts(key, upload_id, stored)
    assert store.read(store.uploads, key) == b"".join(contents)
    assert store.client.head_object(Bucket=store.uploads, Key=key)["ContentType"] == "text/x-mayfly"
    assert store.files.stored_parts(key, upload_id) is None
    assert put(store.files.part_url(key, upload_id, 1, 1, HOUR), b"1") == 404
    store.files.abort_parts(key, upload_id)
    found = store.files.find_input(store.owner, store.job_id)
    assert found is not None
    assert found.size == 10 * MIB + 1


def a_parts_address_takes_nothing_but_the_part_it_was_made_for(store: Store) -> None:
    key, other_key = store.input_key(), store.input_key("y.txt")
    upload_id, other_id = store.files.begin_parts(key, "text/plain"), store.files.begin_parts(other_key, "text/plain")
    url = store.files.part_url(key, upload_id, 2, 5, HOUR)
    for changed in (
        url.replace("partNumber=2", "partNumber=1"),
        url.replace(upload_id, other_id),
        url.replace("x.txt", "y.txt"),
        url.replace(store.uploads, store.outputs),
    ):
        assert changed != url
        assert put(changed, b"12345") == 403, changed
    for size in (0, 4, 6):
        assert put(url, bytes(size)) == 403, size
    assert store.files.stored_parts(key, upload_id) == []
    assert put(url, b"12345") == 200
    short = store.files.part_url(key, upload_id, 1, 5, 1)
    _until_refused("the part's address", lambda: put(short, b"12345"))


def an_upload_without_all_of_its_parts_is_joined_by_no_one_and_one_given_up_is_gone(store: Store) -> None:
    key = store.input_key()
    upload_id, size = store.files.begin_parts(key, "text/plain"), 5 * MIB  # of all parts but the last, at least
    assert put(store.files.part_url(key, upload_id, 1, size, HOUR), bytes(size)) == 200
    stored = store.files.stored_parts(key, upload_id)
    assert stored is not None
    (one,) = stored
    assert not store.files.join_parts(key, upload_id, [one, StoredPart(2, size, one.etag)])
    store.files.abort_parts(key, upload_id)
    store.files.abort_parts(key, upload_id)
    assert store.files.stored_parts(key, upload_id) is None
    assert not store.files.join_parts(key, upload_id, [one])
    assert store.files.find_input(store.owner, store.job_id) is None


def a_machine_fetches_its_input_and_stores_its_output(store: Store) -> None:
    for filename in NAMES:
        key, out = store.input_key(filename), store.output_key(filename)
        content = filename.encode() * 1000
        store.client.put_object(Bucket=store.uploads, Key=key, Body=content)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "file"
            sha256 = download(store.files.input_url(f"{store.uploads}/{key}", HOUR), file, len(content), _ignored)
            assert sha256 == hashlib.sha256(content).hexdigest()
            size, _ = upload(store.files.output_upload_url(out, HOUR), file, _ignored)
        assert size == len(content)
        assert store.read(store.outputs, out) == content
        found = store.files.find_output(store.files.output_path(out))
        assert found is not None
        assert found.size == len(content)
        assert found.md5 in {None, hashlib.md5(content, usedforsecurity=False).hexdigest()}
    assert store.files.find_output(store.files.output_path(store.output_key("none"))) is None


def _ignored(*_: object) -> None:
    pass


def an_address_of_the_output_that_has_ended_is_known_as_such(store: Store) -> None:
    url = store.files.output_upload_url(store.output_key(), 1)
    _until_refused("the output's address", lambda: put(url, b"x"))
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
        file.flush()
        assert _is_known_as_expired(url, Path(file.name)), "the machine would not ask for another address"


def _is_known_as_expired(url: str, file: Path) -> bool:
    try:
        upload(url, file, _ignored)
    except TransferError as error:
        return error.expired
    return False


def a_result_comes_as_an_attachment_of_its_name_in_whole_or_in_part(store: Store) -> None:
    for filename in NAMES:
        key = store.output_key(filename)
        store.client.put_object(Bucket=store.outputs, Key=key, Body=b"0123456789", ContentType="text/html")
        url = store.files.output_download_url(store.files.output_path(key), filename, HOUR)
        answer = get(url)
        assert (answer.status_code, answer.content) == (200, b"0123456789"), answer.text
        assert answer.headers["content-type"] == "application/octet-stream"
        name = answer.headers["content-disposition"].removeprefix("attachment; filename*=UTF-8''")
        assert httpx.URL(f"http://x/{name}").path == f"/{filename}"
        part = get(url, range="bytes=2-4")
        assert (part.status_code, part.content) == (206, b"234")
        assert part.headers["content-range"] == "bytes 2-4/10"
        assert get(url, range="bytes=10-").status_code == 416
        assert get(url.replace("octet-stream", "html")).status_code == 403
        assert get(url.replace("attachment", "inline")).status_code == 403
        for added in ("response-content-type=text/html", "versionId=1", "x=1"):
            assert get(f"{url}&{added}").status_code == 403, added
        assert put(url, b"x") == 403
    url = store.files.output_download_url(store.files.output_path(key), "x.txt", 1)
    _until_refused("the result's address", lambda: get(url).status_code)


def an_input_is_copied_and_one_that_is_gone_is_not(store: Store) -> None:
    key, other = store.input_key("ä b+%25.txt"), input_key(store.owner, str(uuid.uuid4()), "ä b+%25.txt")
    store.client.put_object(Bucket=store.uploads, Key=key, Body=b"12345")
    assert store.files.copy_input(f"{store.uploads}/{key}", other)
    assert store.read(store.uploads, other) == b"12345"
    store.files.delete_job(store.owner, store.job_id)
    assert not store.files.copy_input(f"{store.uploads}/{key}", other)


def specs_and_manifests_are_read_as_they_were_written_and_a_deleted_job_has_nothing_left(store: Store) -> None:
    path = store.files.put_manifest(manifest_key(store.owner, store.job_id, 1), b'{"a":1}')
    assert store.files.manifest(path) == b'{"a":1}'
    url = store.files.put_spec(spec_key(store.owner, store.job_id, 1), b'{"b":2}', HOUR)
    assert get(url).content == b'{"b":2}'
    store.client.put_object(Bucket=store.uploads, Key=store.input_key(), Body=b"1")
    store.client.put_object(Bucket=store.outputs, Key=store.output_key(), Body=b"1")
    store.files.delete_job(store.owner, store.job_id)
    assert store.files.manifest(path) is None
    for bucket in (store.uploads, store.outputs, store.artifacts):
        listed = store.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        assert [entry["Key"] for entry in listed if store.job_id in entry["Key"]] == []
    assert get(url).status_code == 404


CHECKS: tuple[Callable[[Store], None], ...] = (
    an_upload_form_takes_its_file_and_keeps_its_type,
    an_upload_form_for_an_empty_file_takes_no_other,
    an_upload_form_takes_nothing_but_what_it_was_made_for,
    an_upload_form_ends,
    a_file_goes_in_parts_which_are_joined_in_their_order,
    a_parts_address_takes_nothing_but_the_part_it_was_made_for,
    an_upload_without_all_of_its_parts_is_joined_by_no_one_and_one_given_up_is_gone,
    a_machine_fetches_its_input_and_stores_its_output,
    an_address_of_the_output_that_has_ended_is_known_as_such,
    a_result_comes_as_an_attachment_of_its_name_in_whole_or_in_part,
    an_input_is_copied_and_one_that_is_gone_is_not,
    specs_and_manifests_are_read_as_they_were_written_and_a_deleted_job_has_nothing_left,
)
