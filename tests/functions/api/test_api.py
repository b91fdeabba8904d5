from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.api.app import create_app
from functions.api.manifest_models import ManifestAnswer
from functions.api.problems import STATUS
from functions.costs.budget import Caps, Spending
from functions.costs.ports import Charge
from functions.costs.pricing import Prices
from functions.jobs import errors
from functions.jobs.failure_catalog import FAILURES
from functions.jobs.job import JobError, JobStatus, Run, StoredManifest, TimelineEvent
from functions.jobs.ports import StoredOutput, StoredPart
from functions.jobs.provenance import Reported, manifest_of
from functions.jobs.s3_keys import input_key
from functions.scheduling.ports import Slot
from functions.submission.overrides import Allowance
from functions.submission.uploads import PART_BYTES
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.fakes.submission import a_submission

OWNER = "anonymous"
SPENDING = Spending(
    prices=Prices({"t4g.small": {"on-demand": 19_200}}, disk=2_000, address=5_000),
    instance_types=("t4g.small",),
    markets=("on-demand",),
    machine_deadline=timedelta(minutes=50),
    max_attempts=2,
)

BY_GATEWAY = {"429", "503"}


class Api:
    def __init__(self) -> None:
        self.submission = a_submission()
        self.jobs, self.files, self.queue = self.submission.jobs, self.submission.files, self.submission.queue
        self.serve()

    def serve(self) -> None:
        """The submission as it is now."""
        self.client = TestClient(
            create_app(self.submission), base_url="http://mayfly.test", raise_server_exceptions=False
        )

    def allow(self, allowance: Allowance) -> None:
        self.client.app.state.submission = replace(self.submission, allowance=allowance)  # type: ignore[attr-defined]

    def upload(self, name: str = "a.txt") -> str:
        self.files.upload(input_key(OWNER, JOB_ID, name))
        return JOB_ID


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
    assert set(asked.json()) == {"job_id", "upload", "multipart", "expires_at"}
    assert asked.json()["multipart"] is None
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
    answer = api.client.delete(f"/jobs/{JOB_ID}")
    assert (answer.status_code, answer.json()["objects"]) == (200, 1)
    problem(api.client.get(f"/jobs/{JOB_ID}"), 404, "job_not_found")


def test_a_job_may_ask_for_what_its_stack_allows(api: Api) -> None:
    api.allow(Allowance(("c7g.large", "c7g.xlarge"), 60, 240))
    limits = api.client.get("/limits").json()
    assert limits["allowed_instance_types"] == ["c7g.large", "c7g.xlarge"]
    assert (limits["job_timeout_minutes"], limits["max_job_timeout_minutes"]) == (60, 240)
    overrides = {"instance_type": "c7g.xlarge", "timeout_minutes": 240}
    request = {"job_id": api.upload(), "input_text": "text", "overrides": overrides}
    made = api.client.post("/jobs", json=request)
    assert (made.status_code, made.json()["overrides"]) == (201, overrides)
    assert api.client.post("/jobs", json=request).status_code == 200
    other = api.client.post("/jobs", json={**request, "overrides": {"timeout_minutes": 240}})
    assert problem(other, 409, "job_conflict")["errors"][0]["field"] == "overrides"


def test_jobs_submitted_together_are_listed_by_their_batch(api: Api) -> None:
    request = {"job_id": api.upload(), "input_text": "text", "batch": "lab-1"}
    made = api.client.post("/jobs", json=request)
    assert (made.status_code, made.json()["batch"]) == (201, "lab-1")
    assert api.client.post("/jobs", json=request).status_code == 200
    for other in ("lab-2", None):
        answer = api.client.post("/jobs", json={**request, "batch": other})
        assert problem(answer, 409, "job_conflict")["errors"][0]["field"] == "batch"
    api.jobs.add(a_job(owner=OWNER, id=OTHER_ID, batch="lab-2"))
    for batch, listed in (("lab-1", [request["job_id"]]), ("lab-2", [OTHER_ID]), ("lab-3", [])):
        assert [job["id"] for job in api.client.get("/jobs", params={"batch": batch}).json()["jobs"]] == listed


@pytest.mark.parametrize("batch", ["", " ", "a b", "-a", "x" * 65, "a\n", "é", "../b"])
def test_what_is_no_batch_is_refused_in_words(api: Api, batch: str) -> None:
    answer = api.client.post("/jobs", json={"job_id": api.upload(), "input_text": "text", "batch": batch})
    (error,) = problem(answer, 400, "invalid_request")["errors"]
    assert error["field"] == "batch"
    assert "letters, digits" in error["message"]
    problem(api.client.get("/jobs", params={"batch": batch}), 400, "invalid_request")


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("instance_type", "m7g.metal", "c7g.large"),
        ("timeout_minutes", 241, "from 1 to 240"),
        ("timeout_minutes", 0, "from 1 to 240"),
        ("timeout_minutes", 10**30, "from 1 to 240"),
    ],
)
def test_what_a_job_may_not_ask_for_is_refused_with_what_it_may(
    api: Api, field: str, value: object, allowed: str
) -> None:
    api.allow(Allowance(("c7g.large",), 60, 240))
    answer = api.client.post("/jobs", json={"job_id": api.upload(), "input_text": "text", "overrides": {field: value}})
    (error,) = problem(answer, 400, "override_not_allowed")["errors"]
    assert error["field"] == f"overrides.{field}"
    assert allowed in error["message"]
    assert not api.jobs.page(OWNER, 1, None).jobs


def test_a_manifest_is_answered_byte_by_byte_with_the_hash_that_the_job_names(api: Api) -> None:
    stored = StoredOutput(12, None)
    written = manifest_of(a_job(owner=OWNER, attempts=1), 1, stored, Reported(), (), "1.2.3").encode()
    path = api.files.put_manifest("manifests/1.json", written)
    sha256 = hashlib.sha256(written)
    api.jobs.add(a_job(owner=OWNER, status=JobStatus.SUCCEEDED, manifest=StoredManifest(path, sha256.hexdigest())))
    answer = api.client.get(f"/jobs/{JOB_ID}/manifest")
    assert (answer.status_code, answer.content) == (200, written)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
    assert api.client.get(f"/jobs/{JOB_ID}").json()["manifest_sha256"] == sha256.hexdigest()
    assert set(answer.json()) == set(ManifestAnswer.model_validate_json(written).model_dump())


def test_a_job_has_every_field_of_the_contract(api: Api) -> None:
    error = JobError("script_failed", "exit code 3", "Read the log.")
    timeline = (TimelineEvent("queued", "2026-01-31T09:15:02.345Z", "Waiting."),)
    ended = a_machine("i-1").ended("2026-01-31T09:20:00.000Z", "EC2 said so")
    facts = {"status": JobStatus.FAILED, "error": error, "timeline": timeline, "machines": (ended,)}
    api.jobs.add(a_job(owner=OWNER, attempts=2, run=2, **facts))
    assert api.client.get(f"/jobs/{JOB_ID}").json() == {
        "id": JOB_ID,
        "owner": OWNER,
        "status": "failed",
        "filename": "a b.txt",
        "output_filename": "a b.txt",
        "size": 3,
        "input_text": "appended",
        "input_file_path": f"uploads/inputs/alice/{JOB_ID}/a b.txt",
        "output_file_path": None,
        "output_size": None,
        "manifest_sha256": None,
        "overrides": {"instance_type": None, "timeout_minutes": None},
        "batch": None,
        "created_at": "2026-01-31T09:15:02.345Z",
        "updated_at": "2026-01-31T09:15:02.345Z",
        "run": 2,
        "attempts": 2,
        "machines": [
            {
                "instance_id": "i-1",
                "run": 1,
                "attempt": 1,
                "instance_type": "t4g.small",
                "market": "spot",
                "zone": "eu-central-1b",
                "image_id": "ami-1",
                "launched_at": "2026-01-31T09:15:03.000Z",
                "terminated_at": "2026-01-31T09:20:00.000Z",
                "verified": "EC2 said so",
                "prepared_at": None,
            },
        ],
        "timeline": [{"event": "queued", "at": "2026-01-31T09:15:02.345Z", "detail": "Waiting."}],
        "cost": None,
        "error": {
            "code": "script_failed",
            "message": "exit code 3",
            "advice": "Read the log.",
            "actor": "the script's author",
            "retry_helps": False,
        },
    }


@pytest.mark.parametrize("code", sorted(FAILURES))
def test_every_failure_says_who_has_to_act_and_whether_a_retry_helps(api: Api, code: str) -> None:
    api.jobs.add(a_job(owner=OWNER, status=JobStatus.FAILED, error=JobError(code, "m", "a")))
    error = api.client.get(f"/jobs/{JOB_ID}").json()["error"]
    assert (error["actor"], error["retry_helps"]) == (FAILURES[code].actor.value, FAILURES[code].retry_helps)


def test_a_failure_of_a_class_that_is_no_more_is_still_shown(api: Api) -> None:
    api.jobs.add(a_job(owner=OWNER, status=JobStatus.FAILED, error=JobError("capacity_unavailable", "m", "a")))
    error = api.client.get(f"/jobs/{JOB_ID}").json()["error"]
    assert (error["code"], error["actor"]) == ("capacity_unavailable", FAILURES["internal_error"].actor.value)


def test_a_job_tells_what_it_has_cost_for_good_or_so_far(api: Api, stopped_clock: StoppedClock) -> None:
    machine = a_machine(launched_at="2026-01-31T09:15:00.000Z", hourly_micro_usd=36_000)
    api.jobs.add(a_job(owner=OWNER, status=JobStatus.RUNNING, machines=(machine,)))
    stopped_clock.go_on(120)
    so_far = {"usd": "0.001660", "min_usd": "0.001660", "is_final": False, "machine_seconds": 120}
    assert api.client.get(f"/jobs/{JOB_ID}").json()["cost"] == so_far
    api.jobs.update(OWNER, JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))
    api.jobs.update(OWNER, JOB_ID, lambda job: job.with_machine(machine.ended("2026-01-31T09:15:01.000Z", "seen")))
    (listed,) = api.client.get("/jobs").json()["jobs"]
    assert listed["cost"] == {"usd": "0.000980", "min_usd": "0.000980", "is_final": True, "machine_seconds": 60}


def test_the_limits_tell_what_jobs_cost(api: Api) -> None:
    assert api.client.get("/limits").json()["price"] is None
    api.submission = replace(api.submission, spending=SPENDING)
    api.serve()
    assert api.client.get("/limits").json()["price"] == {
        "instance_type": "t4g.small",
        "market": "on-demand",
        "usd_per_hour": "0.026200",
        "machine_usd_per_hour": "0.019200",
        "usd_per_minute": "0.000437",
        "max_usd_per_minute": "0.000437",
        "max_usd_per_job": "0.056360",
    }


@pytest.mark.parametrize("caps", [Caps(owner_a_day=50_000), Caps(stack_a_day=50_000)])
def test_a_job_that_a_cap_on_spending_forbids_is_not_stored(api: Api, stopped_clock: StoppedClock, caps: Caps) -> None:
    api.submission = replace(api.submission, spending=replace(SPENDING, caps=caps))
    api.serve()
    api.upload()
    api.queue.table.charge(Charge("2026-01-31", OWNER, "i-1", 30_000))
    body = problem(api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": "text"}), 403, "spending_cap")
    assert "have cost 0.030000 USD today" in body["detail"]
    assert "0.050000 USD a day are allowed. The next day begins at 00:00 UTC." in body["detail"]
    assert not api.jobs.page(OWNER, 1, None).jobs
    api.jobs.add(a_job(owner=OWNER, status=JobStatus.CANCELLED))
    problem(api.client.post(f"/jobs/{JOB_ID}/retry"), 403, "spending_cap")
    stopped_clock.go_on(86_400)
    assert api.client.post(f"/jobs/{JOB_ID}/retry").status_code == 202


def test_the_machines_that_live_are_listed_with_their_jobs(api: Api) -> None:
    assert api.client.get("/machines").json() == {"alive": []}
    api.queue.table.grant_slots([Slot(Run(OWNER, JOB_ID, 2), a_machine("i-1", run=2))])
    api.queue.table.grant_slots([Slot(Run("bob", OTHER_ID), a_machine("i-2"))])
    assert api.client.get("/machines").json() == {
        "alive": [
            {
                "job_id": JOB_ID,
                "instance_id": "i-1",
                "instance_type": "t4g.small",
                "zone": "eu-central-1b",
                "launched_at": "2026-01-31T09:15:03.000Z",
            }
        ]
    }


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


def test_the_whole_way_of_an_upload_in_parts(api: Api) -> None:
    asked = api.client.post("/uploads", json={"filename": "a.txt", "size": 3, "multipart": True})
    assert asked.status_code == 201
    assert asked.json()["upload"] is None
    multipart = asked.json()["multipart"]
    assert multipart["part_size"] == PART_BYTES
    assert [(part["number"], part["size"]) for part in multipart["parts"]] == [(1, 3)]
    whole = {"upload_id": multipart["upload_id"], "filename": "a.txt", "size": 3}
    missing = problem(api.client.post(f"/uploads/{JOB_ID}/complete", json=whole), 409, "upload_incomplete")
    assert "not stored: 1." in missing["detail"]
    again = api.client.post(f"/uploads/{JOB_ID}/parts", json=whole)
    assert again.status_code == 200
    assert set(again.json()) == {"upload_id", "part_size", "parts", "expires_at"}
    (renewed,) = again.json()["parts"]
    assert renewed == {**multipart["parts"][0], "url": renewed["url"], "stored": False}
    assert renewed["url"] != multipart["parts"][0]["url"]
    api.files.upload_part(input_key(OWNER, JOB_ID, "a.txt"), multipart["upload_id"], StoredPart(1, 3, "e"))
    stored = api.client.post(f"/uploads/{JOB_ID}/parts", json=whole).json()
    assert stored["parts"] == [{"number": 1, "size": 3, "url": None, "stored": True}]
    for _ in range(2):
        assert api.client.post(f"/uploads/{JOB_ID}/complete", json=whole).status_code == 204
    problem(api.client.post(f"/uploads/{JOB_ID}/parts", json=whole), 404, "upload_not_found")
    assert api.client.post("/jobs", json={"job_id": JOB_ID, "input_text": "x"}).json()["size"] == 3
    gone = {key: whole[key] for key in ("upload_id", "filename")}
    for job_id in (JOB_ID, "nonsense"):
        assert api.client.post(f"/uploads/{job_id}/abort", json=gone).status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/uploads", {"filename": "a", "size": 0, "multipart": True}, "size"),
        ("/uploads", {"filename": "a", "size": 1, "multipart": "yes"}, "multipart"),
        (f"/uploads/{JOB_ID}/parts", {"filename": "a", "size": 0, "upload_id": "u"}, "size"),
        (f"/uploads/{JOB_ID}/complete", {"filename": "a", "size": 1, "upload_id": ""}, "upload_id"),
        (f"/uploads/{JOB_ID}/complete", {"filename": "a", "size": 1, "upload_id": "a\nb"}, "upload_id"),
        (f"/uploads/{JOB_ID}/abort", {"filename": "a", "upload_id": "\ud800"}, "upload_id"),
        (f"/uploads/{JOB_ID}/abort", {"filename": "a", "upload_id": "u" * 1025}, "upload_id"),
    ],
)
def test_an_upload_in_parts_that_cannot_be_is_refused_naming_the_field(
    api: Api, path: str, body: dict[str, Any], field: str
) -> None:
    sent = json.dumps(body).encode()
    refused = api.client.post(path, content=sent, headers={"content-type": "application/json"})
    assert [each["field"] for each in problem(refused, 422, "invalid_request")["errors"]] == [field]


def test_an_unexpected_error_says_nothing_about_our_insides(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.jobs, "get", fail)
    assert "secret" not in json.dumps(problem(api.client.get(f"/jobs/{JOB_ID}"), 500, "internal_error"))


def test_every_request_error_has_a_status() -> None:
    assert {error.code for error in errors.RequestError.__subclasses__()} <= set(STATUS)


def test_the_documentation_page_names_no_other_host(api: Api) -> None:
    page = api.client.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("</", "")
    assert "<script>" not in page.text


def test_the_description_is_of_the_api_as_it_is_served(api: Api) -> None:
    assert api.client.get("/openapi.json").json()["servers"] == [{"url": "/api"}]


# https://github.com/koala73/worldmonitor/issues/4826: what a gateway answers is answered by the API all the same.
def test_errors_are_documented_as_problem_documents_and_api_gateways_own_in_its_form(api: Api) -> None:
    spec = api.client.get("/openapi.json").json()
    assert "Problem" in spec["components"]["schemas"]
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            assert set(operation["responses"]) >= BY_GATEWAY
            for status, answer in operation["responses"].items():
                if status >= "400":
                    kind = "application/json" if status in BY_GATEWAY else "application/problem+json"
                    assert list(answer["content"]) == [kind], (path, status)
