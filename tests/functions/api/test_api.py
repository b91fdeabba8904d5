from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.api.app import create_app
from functions.api.problems import STATUS
from functions.jobs import errors
from functions.jobs.ids import new_job_id
from functions.jobs.job import JobError, JobStatus, TimelineEvent
from functions.jobs.paths import input_key
from functions.jobs.submission import Submission
from tests.functions.fakes import (
    JOB_ID,
    FakeJobFiles,
    FakeJobTable,
    FakeMachineLog,
    FakeMachineTable,
    FakeWorkflow,
    a_job,
)

OWNER = "anonymous"


class Api:
    def __init__(self) -> None:
        self.jobs, self.files = FakeJobTable(), FakeJobFiles()
        self.submission = Submission(
            self.jobs, FakeMachineTable(), self.files, FakeMachineLog(), FakeWorkflow(), 1000, 7, lambda: JOB_ID
        )
        self.client = TestClient(
            create_app(self.submission), base_url="http://mayfly.test", raise_server_exceptions=False
        )

    def upload(self, name: str = "a.txt") -> str:
        self.files.inputs[input_key(OWNER, JOB_ID, name)] = b"abc"
        return JOB_ID


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    with made.client:
        yield made


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    return body


def test_the_whole_way_of_a_job(api: Api) -> None:
    asked = api.client.post("/uploads", json={"filename": "a.txt", "size": 3})
    assert asked.status_code == 201
    assert set(asked.json()) == {"job_id", "upload", "expires_at"}
    api.upload()
    made = api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": "text"})
    assert made.status_code == 201
    assert made.json()["status"] == "queued"
    again = api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": "text"})
    assert (again.status_code, again.json()) == (200, made.json())
    assert api.client.get(f"/jobs/{JOB_ID}").json() == made.json()
    assert api.client.get("/jobs").json() == {"jobs": [made.json()], "next_cursor": None}
    assert api.client.get(f"/jobs/{JOB_ID}/log").json() == {"lines": [], "next": None}
    problem(api.client.get(f"/jobs/{JOB_ID}/output"), 409, "not_ready")
    problem(api.client.delete(f"/jobs/{JOB_ID}"), 409, "not_ready")
    cancelled = api.client.post(f"/jobs/{JOB_ID}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert api.client.delete(f"/jobs/{JOB_ID}").status_code == 204
    problem(api.client.get(f"/jobs/{JOB_ID}"), 404, "job_not_found")


def test_a_job_has_every_field_of_the_contract(api: Api) -> None:
    error = JobError("script_failed", "exit code 3", "Read the log.")
    timeline = (TimelineEvent("queued", "2026-01-31T09:15:02.345Z", "Waiting."),)
    api.jobs.add(a_job(owner=OWNER, status=JobStatus.FAILED, error=error, timeline=timeline, attempts=1))
    assert api.client.get(f"/jobs/{JOB_ID}").json() == {
        "id": JOB_ID,
        "owner": OWNER,
        "status": "failed",
        "filename": "a b.txt",
        "size": 3,
        "input_text": "appended",
        "input_file_path": f"uploads/inputs/alice/{JOB_ID}/a b.txt",
        "output_file_path": None,
        "output_size": None,
        "created_at": "2026-01-31T09:15:02.345Z",
        "updated_at": "2026-01-31T09:15:02.345Z",
        "attempts": 1,
        "timeline": [{"event": "queued", "at": "2026-01-31T09:15:02.345Z", "detail": "Waiting."}],
        "error": {"code": "script_failed", "message": "exit code 3", "advice": "Read the log."},
    }


def test_the_list_goes_on_from_its_cursor(api: Api) -> None:
    ids = sorted((new_job_id() for _ in range(5)), reverse=True)
    for one in ids:
        api.jobs.add(a_job(owner=OWNER, id=one))
    first = api.client.get("/jobs?limit=2").json()
    second = api.client.get("/jobs", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == ids
    assert second["next_cursor"] is None


def test_malformed_json_is_said_to_be_that(api: Api) -> None:
    sent = api.client.post("/jobs", content=b'{"job_id": ', headers={"content-type": "application/json"})
    problem(sent, 400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"size": 3}, "filename"),
        ({"filename": "a", "size": -1}, "size"),
        ({"filename": "a", "size": "3"}, "size"),
        ({"filename": "a", "size": 3, "content_type": "text/plain\r\nx: y"}, "content_type"),
        ({"filename": "a", "size": 3, "key": "x"}, "key"),
        ([], "body"),
    ],
)
def test_a_wrong_field_is_named(api: Api, body: Any, field: str) -> None:
    errors_named = problem(api.client.post("/uploads", json=body), 422, "invalid_request")["errors"]
    assert [error["field"] for error in errors_named] == [field]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"filename": "a/b", "size": 3}, 400, "invalid_request", "filename"),
        ({"filename": "a", "size": 1001}, 413, "file_too_large", "size"),
    ],
)
def test_an_upload_that_cannot_be_is_refused(api: Api, body: Any, status: int, code: str, field: str) -> None:
    assert problem(api.client.post("/uploads", json=body), status, code)["errors"][0]["field"] == field


def test_an_empty_text_is_refused_and_can_be_mended(api: Api) -> None:
    api.upload()
    refused = api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": ""})
    assert problem(refused, 400, "invalid_request")["errors"][0]["field"] == "input_text"
    assert api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": "now"}).status_code == 201


def test_a_job_without_an_upload_is_refused(api: Api) -> None:
    problem(api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": "x"}), 409, "upload_missing")


@pytest.mark.parametrize("job_id", ["nonsense", "%2e%2e", "a" * 64])
def test_a_wrong_job_id_is_not_found(api: Api, job_id: str) -> None:
    problem(api.client.get(f"/jobs/{job_id}"), 404, "job_not_found")


def test_an_unknown_path_and_a_wrong_method_are_problems_too(api: Api) -> None:
    problem(api.client.get("/nothing"), 404, "not_found")
    problem(api.client.put("/jobs"), 405, "method_not_allowed")


def test_an_unexpected_error_says_nothing_about_our_insides(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.jobs, "get", fail)
    assert "secret" not in json.dumps(problem(api.client.get(f"/jobs/{JOB_ID}"), 500, "internal_error"))


def test_every_request_error_has_a_status() -> None:
    assert set(STATUS) == set(errors.RequestError.__subclasses__())


def test_the_documentation_page_names_no_other_host(api: Api) -> None:
    page = api.client.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("</", "")
    assert "<script>" not in page.text


def test_every_field_of_the_api_is_described(api: Api) -> None:
    spec = api.client.get("/openapi.json").json()
    assert spec["servers"] == [{"url": "/api"}]
    undescribed = [
        f"{name}.{field}"
        for name, schema in spec["components"]["schemas"].items()
        for field, facts in schema.get("properties", {}).items()
        if not (facts.get("description") or facts.get("examples") or "$ref" in facts)
    ]
    assert undescribed == []
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            assert operation["description"], path


def test_errors_are_documented_as_problem_documents(api: Api) -> None:
    spec = api.client.get("/openapi.json").json()
    assert "Problem" in spec["components"]["schemas"]
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
