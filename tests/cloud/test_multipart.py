"""Uploads in parts and copies, all the way."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from tests import web
from tests.cloud.steps import expected, is_problem, run

pytestmark = pytest.mark.cloud

MIB = 1024 * 1024


def begin(client: JobClient, filename: str, size: int) -> dict[str, Any]:
    body = {"filename": filename, "size": size, "multipart": True}
    begun: dict[str, Any] = client._http.post("/api/uploads", json=body).raise_for_status().json()
    assert begun["upload"] is None
    return begun


def about(client: JobClient, begun: dict[str, Any], what: str, **facts: Any) -> httpx.Response:
    body = {"upload_id": begun["multipart"]["upload_id"], **facts}
    return client._http.post(f"/api/uploads/{begun['job_id']}/{what}", json=body)


def put(url: str, content: bytes) -> int:
    return web.put(url, content=content, timeout=60).status_code


def test_a_large_file_goes_in_parts_and_on_from_where_it_broke_off(client: JobClient, cloud: LocalCloud) -> None:
    line = b"%031d\n"
    content = b"".join(line % number for number in range(20 * MIB // 32))
    whole: dict[str, Any] = {"filename": "large.txt", "size": len(content)}
    begun = begin(client, **whole)
    size = begun["multipart"]["part_size"]
    pieces = {
        part["number"]: content[(part["number"] - 1) * size :][: part["size"]] for part in begun["multipart"]["parts"]
    }
    assert b"".join(pieces.values()) == content
    for part in begun["multipart"]["parts"]:
        if part["number"] != 3:
            assert put(part["url"], pieces[part["number"]]) == 200
    refused = about(client, begun, "complete", **whole)
    assert is_problem(refused, 409, "upload_incomplete")
    assert "not stored: 3." in refused.json()["detail"]

    resumed = about(client, begun, "parts", **whole).raise_for_status().json()
    (missing,) = (part for part in resumed["parts"] if not part["stored"])
    assert [part["url"] for part in resumed["parts"] if part["stored"]] == [None] * (len(pieces) - 1)
    assert missing["number"] == 3
    assert put(missing["url"], pieces[3]) == 200
    for _ in range(2):
        assert about(client, begun, "complete", **whole).status_code == 204
    job = client.wait(client.create(begun["job_id"], "the end")["id"])
    assert (job["status"], job["size"]) == ("succeeded", len(content)), job
    assert client.output(job["id"]) == expected(content, "the end")


def test_parts_of_another_total_are_no_file(client: JobClient) -> None:
    begun = begin(client, "x.txt", 3)
    assert put(begun["multipart"]["parts"][0]["url"], b"abc") == 200
    for size in (2, 4, 100 * MIB):
        refused = about(client, begun, "complete", filename="x.txt", size=size)
        assert is_problem(refused, 409, "upload_incomplete")
    assert is_problem(about(client, begun, "complete", filename="x.txt", size=2**50), 413, "file_too_large")
    answer = client._http.post("/api/jobs", json={"job_id": begun["job_id"], "input_text": "y"})
    assert is_problem(answer, 409, "upload_missing")
    assert about(client, begun, "abort", filename="x.txt").status_code == 204
    assert is_problem(about(client, begun, "parts", filename="x.txt", size=3), 404, "upload_not_found")
    assert put(begun["multipart"]["parts"][0]["url"], b"abc") == 404, "what was aborted takes no part any more"


def test_another_owners_upload_cannot_be_read_completed_or_aborted(client: JobClient, bob: JobClient) -> None:
    whole: dict[str, Any] = {"filename": "x.txt", "size": 3}
    begun = begin(client, **whole)
    assert put(begun["multipart"]["parts"][0]["url"], b"abc") == 200
    for what in ("parts", "complete"):
        refused = about(bob, begun, what, **whole)
        assert is_problem(refused, 404, "upload_not_found")
        assert refused.text == about(bob, begun, what, **{**whole, "size": 4}).text, "nothing is told of it"
    assert about(bob, begun, "abort", filename="x.txt").status_code == 204
    assert about(client, begun, "complete", **whole).status_code == 204
    assert client.wait(client.create(begun["job_id"], "y")["id"])["status"] == "succeeded"


def test_a_parts_url_takes_nothing_but_the_part_it_was_made_for(client: JobClient, cloud: LocalCloud) -> None:
    begun = begin(client, "x.txt", 40 * MIB)
    part = begun["multipart"]["parts"][1]
    url, size = part["url"], part["size"]
    assert size == 8 * MIB
    other = begin(client, "x.txt", 1)
    uploads, outputs = (cloud.deployment.outputs[f"{name}_bucket"] for name in ("uploads", "outputs"))
    assert uploads in url
    for changed in (
        url.replace("partNumber=2", "partNumber=1"),
        url.replace(begun["multipart"]["upload_id"], other["multipart"]["upload_id"]),
        url.replace(begun["job_id"], other["job_id"]),
        url.replace(uploads, outputs),
    ):
        assert changed != url
        assert put(changed, bytes(size)) == 403
    for wrong in (0, size - 1, size + 1):
        assert put(url, bytes(wrong)) == 403, wrong
    state = about(client, begun, "parts", filename="x.txt", size=40 * MIB).json()
    assert not any(each["stored"] for each in state["parts"])
    assert put(url, bytes(size)) == 200
    assert about(client, begun, "abort", filename="x.txt").status_code == 204


def test_a_job_runs_again_from_a_copy_whose_beginning_the_page_can_read(client: JobClient, cloud: LocalCloud) -> None:
    first = run(client, b"x" * 5000, "ä b+%.txt", "once")
    copied = client._http.post(f"/api/jobs/{first['id']}/copy").raise_for_status().json()
    job = client.wait(client.create(copied["job_id"], "again")["id"])
    assert (job["status"], job["filename"], job["size"]) == ("succeeded", "ä b+%.txt", 5000), job
    assert client.output(job["id"]) == expected(b"x" * 5000, "again")
    assert client.get(first["id"])["input_text"] == "once"

    url, headers = client.output_url(job["id"]), {"origin": cloud.url, "range": "bytes=0-4095"}
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "range"}
    before = web.options(url, headers={"origin": cloud.url, **asked})
    assert before.headers["access-control-allow-origin"] == cloud.url
    assert before.headers["access-control-allow-headers"].lower() == "range"
    preview = web.get(url, headers=headers)
    assert (preview.status_code, preview.content) == (206, b"x" * 4096)
    assert preview.headers["access-control-allow-origin"] == cloud.url
    other = web.get(url, headers={**headers, "origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in other.headers
    policy = web.get(cloud.url).headers["content-security-policy"]
    assert f"{httpx.URL(url).scheme}://{httpx.URL(url).netloc.decode()}" in policy
