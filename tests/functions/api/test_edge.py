"""What comes before and after the endpoints: the size of a body, what cannot be parsed, and the headers of answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.api.body_limit import MAX_BODY_BYTES, BodyLimit
from functions.submission.submission import MAX_TEXT_CHARS
from tests.functions.api.test_api import Api, problem
from tests.functions.fakes.job_table import JOB_ID

AS_JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", ["/jobs", "/uploads", "/health", "/nothing"])
def test_a_body_over_the_limit_is_refused_wherever_it_is_sent(api: Api, path: str) -> None:
    sent = api.client.post(path, content=b"[" * (MAX_BODY_BYTES + 1), headers=AS_JSON)
    assert f"{MAX_BODY_BYTES:,} bytes" in problem(sent, 413, "body_too_large")["detail"]


def test_a_body_over_the_limit_is_not_read_to_its_end(api: Api) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield b"x" * 65_536

    limited = TestClient(BodyLimit(api.client.app), base_url="http://mayfly.test")
    problem(limited.post("/jobs", content=endless(), headers=AS_JSON), 413, "body_too_large")


def test_the_longest_text_fits_however_it_is_written(api: Api) -> None:
    api.upload()
    text = "\N{PILE OF POO}" * MAX_TEXT_CHARS
    body = json.dumps({"job_id": JOB_ID, "input_text": text}, ensure_ascii=True).encode()
    assert len(body) > 12 * MAX_TEXT_CHARS
    assert api.client.post("/jobs", content=body, headers=AS_JSON).status_code == 201
    assert api.jobs.only.input_text == text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 60_000 + b"]" * 60_000,
        b'{"a":' * 20_000,
        b'{"filename": "a", "size": ' + b"9" * 5_000 + b"}",
        b"\x00",
        b"\xff\xfe",
    ],
    ids=["open brackets", "nested lists", "nested objects", "a number of 5,000 digits", "NUL", "half a BOM"],
)
def test_what_the_parser_gives_up_on_is_a_problem_and_no_crash(api: Api, body: bytes) -> None:
    problem(api.client.post("/uploads", content=body, headers=AS_JSON), 400, "malformed_json")


@pytest.mark.parametrize(
    "body", [b'{"filename": "a", "size": NaN}', b'{"filename": "a", "size": 1e999}', b"3", b"null"]
)
def test_json_of_another_kind_is_a_problem_and_no_crash(api: Api, body: bytes) -> None:
    problem(api.client.post("/uploads", content=body, headers=AS_JSON), 422, "invalid_request")


def test_half_a_surrogate_pair_is_a_problem_and_no_crash(api: Api) -> None:
    for body in (rb'{"filename": "\ud800", "size": 3}', rb'{"filename": "a", "size": 3, "\ud800": 1}'):
        problem(api.client.post("/uploads", content=body, headers=AS_JSON), 422, "invalid_request")
    api.upload()
    half = f'{{"job_id": "{JOB_ID}", "input_text": "\\udfff"}}'.encode()
    problem(api.client.post("/jobs", content=half, headers=AS_JSON), 400, "invalid_request")


def test_a_number_is_whole_however_json_writes_it(api: Api) -> None:
    assert api.client.post("/uploads", json={"filename": "a", "size": 3.0}).status_code == 201
    for size in (3.5, "3", True):
        problem(api.client.post("/uploads", json={"filename": "a", "size": size}), 422, "invalid_request")


def test_a_method_that_is_not_possible_is_told_which_are(api: Api) -> None:
    for path, allowed in (("/jobs", "GET, HEAD, POST"), (f"/jobs/{JOB_ID}", "DELETE, GET, HEAD"), ("/uploads", "POST")):
        refused = api.client.put(path)
        problem(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == allowed


def answers(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One of every kind: served, refused by the application, by its validation, by the body's size, and a crash."""
    yield api.client.get("/jobs")
    yield api.client.get("/health")
    yield api.client.get("/docs")
    yield api.client.get("/openapi.json")
    yield api.client.get("/nothing")
    yield api.client.get("/jobs?limit=0")
    yield api.client.post("/jobs", content=b"x" * (MAX_BODY_BYTES + 1))
    monkeypatch.delattr(api.jobs, "_client")
    yield api.client.get("/jobs")


def test_every_answer_says_how_it_may_be_used(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for answer in answers(api, monkeypatch):
        seen.append(answer.status_code)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    assert seen == [200, 200, 200, 200, 404, 422, 413, 500]
