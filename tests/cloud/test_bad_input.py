"""Bad input gets a clear answer, and nothing is lost by it."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobApiError, JobClient

pytestmark = pytest.mark.cloud

UNKNOWN = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"


def test_a_file_larger_than_declared_is_refused_by_s3_and_the_right_one_still_goes(client: JobClient) -> None:
    upload = client.request_upload("x.txt", 3)
    for content in (b"four", b"no"):
        with pytest.raises(JobApiError) as refused:
            client.upload(upload, content)
        assert refused.value.status == 400
    client.upload(upload, b"yes")
    client.create(upload["job_id"], "y")
    assert client.wait(upload["job_id"])["status"] == "succeeded"


def test_an_upload_form_takes_no_other_key(client: JobClient) -> None:
    upload = client.request_upload("x.txt", 1)
    upload["upload"]["fields"]["key"] = upload["upload"]["fields"]["key"].replace(upload["job_id"], UNKNOWN)
    with pytest.raises(JobApiError) as refused:
        client.upload(upload, b"x")
    assert refused.value.status == 403


def test_a_file_over_the_stacks_limit_is_refused_before_it_is_sent(client: JobClient) -> None:
    with pytest.raises(JobApiError) as refused:
        client.request_upload("x.txt", 2**40)
    assert (refused.value.status, refused.value.code) == (413, "file_too_large")


def test_a_job_without_its_file_is_refused_and_goes_once_the_file_is_there(client: JobClient) -> None:
    upload = client.request_upload("x.txt", 1)
    with pytest.raises(JobApiError) as refused:
        client.create(upload["job_id"], "y")
    assert (refused.value.status, refused.value.code) == (409, "upload_missing")
    client.upload(upload, b"x")
    assert client.wait(client.create(upload["job_id"], "y")["id"])["status"] == "succeeded"


def test_an_empty_text_is_refused_and_can_be_mended(client: JobClient) -> None:
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"x")
    with pytest.raises(JobApiError) as refused:
        client.create(upload["job_id"], "")
    assert (refused.value.status, refused.value.code) == (400, "invalid_request")
    assert client.wait(client.create(upload["job_id"], "y")["id"])["status"] == "succeeded"


def test_another_text_for_the_same_job_is_a_conflict(client: JobClient) -> None:
    job = client.submit(b"x", "x.txt", "y")
    with pytest.raises(JobApiError) as refused:
        client.create(job["id"], "z")
    assert (refused.value.status, refused.value.code) == (409, "job_conflict")
    assert client.wait(job["id"])["input_text"] == "y"


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", f"/api/jobs/{UNKNOWN}", None, 404, "job_not_found"),
        ("GET", "/api/jobs/nonsense", None, 404, "job_not_found"),
        ("GET", "/api/jobs/%2e%2e%2f%2e%2e", None, 404, None),
        ("GET", "/api/jobs?cursor=forged", None, 400, "invalid_request"),
        ("GET", "/api/jobs?limit=0", None, 422, "invalid_request"),
        ("POST", "/api/jobs", b'{"job_id": "', 400, "malformed_json"),
        ("POST", "/api/jobs", b"\xff\xfe", 400, "malformed_json"),
        ("POST", "/api/jobs", b"[]", 422, "invalid_request"),
        ("POST", "/api/uploads", b'{"filename": "../x", "size": 1}', 400, "invalid_request"),
        ("GET", "/api/nothing", None, 404, "not_found"),
        ("DELETE", "/api/jobs", None, 405, "method_not_allowed"),
    ],
)
def test_what_cannot_be_served_is_a_problem_document(
    client: JobClient, method: str, path: str, content: bytes | None, status: int, code: str | None
) -> None:
    headers = {"content-type": "application/json"} if content else {}
    answer = client._http.request(method, path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["detail"]
    assert code is None or body["code"] == code


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slash_too_many_leads_to_no_other_host_or_path(cloud: LocalCloud, client: JobClient, method: str) -> None:
    answer = client._http.request(method, f"{cloud.url}/api/jobs/", follow_redirects=False)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "location" not in answer.headers
