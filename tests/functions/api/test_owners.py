"""Whose jobs a request is about, told by the claims that API Gateway adds to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

import pytest

from functions.api.app import create_app
from functions.api.caller import Auth
from functions.api.handler import behind_api_gateway
from functions.costs.ports import Charge
from functions.jobs import clock
from functions.jobs.job import Job, JobStatus, Run, StoredManifest
from functions.jobs.ports import StoredPart
from functions.jobs.s3_keys import input_key
from functions.scheduling.ports import Slot
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.fakes.submission import a_submission
from tests.functions.fakes.users import MemoryUsers

pytestmark = pytest.mark.usefixtures("event_loop")

ALICE = "f3c4d8a2-40b1-70d2-9a51-3f0a5b8c1e27"
BOB = "c3f4a8d2-1081-70aa-8a51-3f0a5b8c1e28"
ADMIN = "23b498e2-90c1-7055-9d51-3f0a5b8c1e29"

Claims = Mapping[str, Any]


def claims(subject: Any, groups: str | None = None, **more: Any) -> dict[str, Any]:
    """What API Gateway makes of an access token's claims: everything a text, a list in brackets."""
    member = {} if groups is None else {"cognito:groups": groups}
    return {"sub": subject, "token_use": "access", "client_id": "c", "scope": "openid email", **member, **more}


ADMINS_CLAIMS = claims(ADMIN, "[admin]")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


class Gateway:
    """The API behind an HTTP API whose authorizer has found these claims."""

    def __init__(self, auth: Auth) -> None:
        self.users = MemoryUsers(**{BOB: "bob@example.com"})
        submission = a_submission(users=self.users)
        self.jobs, self.files, self.queue = submission.jobs, submission.files, submission.queue
        self._handler = behind_api_gateway(create_app(submission, auth))

    def send(
        self, request: str, found: Claims | None = None, *, body: Any = None, context: Any = None, **query: str
    ) -> Answer:
        """Sends `request`, a method and a path; `context` stands in for what an authorizer with claims adds."""
        answer = self.invoke(request, found, body=body, context=context, **query)
        content = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"]
        return Answer(answer["statusCode"], answer["headers"], json.loads(content) if content else None)

    def invoke(
        self, request: str, found: Claims | None = None, *, body: Any = None, context: Any = None, **query: str
    ) -> dict[str, Any]:
        """The same, with what the function answers API Gateway."""
        method, path = request.split(" ")
        authorizer = {"authorizer": {"jwt": {"claims": found, "scopes": None}}} if found is not None else {}
        event = {
            "version": "2.0",
            "rawPath": f"/api{path}",
            "rawQueryString": urlencode(query),
            "headers": {"host": "api.test", "content-type": "application/json"},
            "requestContext": {
                "http": {"method": method, "path": f"/api{path}", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"},
                "stage": "$default",
                **(authorizer if context is None else context),
            },
            "body": json.dumps(body) if body is not None else "",
            "isBase64Encoded": False,
        }
        answer: dict[str, Any] = self._handler(event, cast("Any", None))
        return answer

    def add(self, owner: str, status: JobStatus = JobStatus.QUEUED, **changes: Any) -> Job:
        """A job, its file, and its machine while it has not ended."""
        job = a_job(owner=owner, status=status, **changes)
        self.jobs.add(job)
        self.files.upload(input_key(owner, job.id, job.filename))
        if job.manifest is not None:
            self.files.s3.put(job.manifest.path, b"{}")
        if not status.is_terminal:
            self.queue.table.grant_slots([Slot(Run(owner, job.id), a_machine("i-1"))])
        return job


def is_problem(answer: Answer, status: int, code: str) -> bool:
    assert answer.headers["content-type"] == "application/problem+json"
    return (answer.status, answer.body["status"], answer.body["code"]) == (status, status, code)


# Every request about a job or jobs, the state that the job has to be in for it to succeed, and the status it answers.
ABOUT_JOBS = {
    "GET /jobs": (JobStatus.QUEUED, 200),
    "GET /machines": (JobStatus.QUEUED, 200),
    f"GET /jobs/{JOB_ID}": (JobStatus.QUEUED, 200),
    f"GET /jobs/{JOB_ID}/output": (JobStatus.SUCCEEDED, 200),
    f"GET /jobs/{JOB_ID}/manifest": (JobStatus.SUCCEEDED, 200),
    f"GET /jobs/{JOB_ID}/log": (JobStatus.RUNNING, 200),
    f"POST /jobs/{JOB_ID}/cancel": (JobStatus.RUNNING, 202),
    f"POST /jobs/{JOB_ID}/retry": (JobStatus.FAILED, 202),
    f"POST /jobs/{JOB_ID}/copy": (JobStatus.SUCCEEDED, 201),
    f"DELETE /jobs/{JOB_ID}": (JobStatus.FAILED, 200),
}
OTHERS: dict[str, Any] = {
    "POST /uploads": {"filename": "a.txt", "size": 3},
    f"POST /uploads/{JOB_ID}/parts": {"upload_id": "upload-1", "filename": "a.txt", "size": 3},
    f"POST /uploads/{JOB_ID}/complete": {"upload_id": "upload-1", "filename": "a.txt", "size": 3},
    f"POST /uploads/{JOB_ID}/abort": {"upload_id": "upload-1", "filename": "a.txt"},
    "POST /jobs": {"job_id": JOB_ID, "input_text": "x"},
    "GET /limits": None,
    "GET /owners": None,
}
about_jobs = pytest.mark.parametrize(("request_", "status", "answer"), [(key, *ABOUT_JOBS[key]) for key in ABOUT_JOBS])


def with_output(status: JobStatus) -> dict[str, Any]:
    if status is not JobStatus.SUCCEEDED:
        return {}
    return {"output_file_path": "outputs/o", "output_size": 1, "manifest": StoredManifest("outputs/m", "a" * 64)}


def test_the_tables_above_have_every_operation_but_health(gateway: Gateway) -> None:
    paths = gateway.send("GET /openapi.json").body["paths"]
    known = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {key.replace(JOB_ID, "{job_id}") for key in [*ABOUT_JOBS, *OTHERS]} == known - {"GET /health"}


@pytest.mark.parametrize("request_", [*ABOUT_JOBS, *OTHERS])
def test_without_claims_every_request_is_refused(gateway: Gateway, request_: str) -> None:
    gateway.add("anonymous")
    answer = gateway.send(request_, body=OTHERS.get(request_))
    assert is_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("request_", ["GET /health", "GET /openapi.json"])
def test_what_is_open_needs_no_claims(gateway: Gateway, request_: str) -> None:
    assert gateway.send(request_).status == 200


def claiming(found: Any) -> dict[str, Any]:
    return {"authorizer": {"jwt": {"claims": found}}}


@pytest.mark.parametrize(
    "context",
    [
        {"authorizer": None},
        {"authorizer": {}},
        {"authorizer": "jwt"},
        {"authorizer": {"jwt": None}},
        {"authorizer": {"lambda": {"claims": claims(ALICE)}}},
        {"authorizer": {"claims": claims(ALICE)}},
        claiming(None),
        claiming([["sub", ALICE]]),
        *(claiming(claims(ALICE, token_use=use)) for use in (None, "id", "refresh", "")),
        *(claiming(claims(subject)) for subject in (None, "", "anonymous", "alice", "#queue", "#slot", "#machine")),
        *(claiming(claims(each)) for each in ("../" + ALICE, f"{ALICE}/", f"{ALICE}\n", f"#{ALICE}", f"{{{ALICE}}}")),
        *(claiming(claims(each)) for each in (ALICE.upper(), ALICE.replace("-", ""), UUID(ALICE).int, [ALICE])),
    ],
)
def test_only_the_claims_of_an_access_token_of_cognitos_will_do(gateway: Gateway, context: Any) -> None:
    assert is_problem(gateway.send("GET /jobs", context=context), 401, "unauthorized")


@about_jobs
def test_an_owner_deals_with_their_own(gateway: Gateway, request_: str, status: JobStatus, answer: int) -> None:
    gateway.add(ALICE, status, **with_output(status))
    assert gateway.send(request_, claims(ALICE)).status == answer
    assert gateway.send("GET /jobs", claims(ALICE), owner=ALICE).status == 200


@pytest.mark.parametrize("request_", [key for key in ABOUT_JOBS if JOB_ID in key])
@pytest.mark.parametrize("query", [{}, {"owner": ALICE}])
def test_another_owners_job_is_as_one_that_is_not_there(gateway: Gateway, request_: str, query: dict[str, str]) -> None:
    missing = gateway.send(request_, claims(BOB), **query)
    assert is_problem(missing, 404, "job_not_found")
    before = gateway.add(ALICE, ABOUT_JOBS[request_][0])
    assert gateway.send(request_, claims(BOB), **query).body == missing.body
    assert gateway.jobs.only == before
    assert gateway.files.deleted == []


@pytest.mark.parametrize("request_", [key for key in ABOUT_JOBS if JOB_ID in key])
def test_a_deleted_job_is_to_everybody_as_one_that_was_never_there(gateway: Gateway, request_: str) -> None:
    callers: list[tuple[Claims, dict[str, str]]] = [
        (claims(ALICE), {}),
        (claims(BOB), {}),
        (ADMINS_CLAIMS, {"owner": ALICE}),
    ]
    missing = [gateway.send(request_, found, **query).body for found, query in callers]
    gateway.add(ALICE, JobStatus.FAILED)
    assert gateway.send(f"DELETE /jobs/{JOB_ID}", ADMINS_CLAIMS, owner=ALICE).status == 200
    assert [gateway.send(request_, found, **query).body for found, query in callers] == missing
    assert all(each["code"] == "job_not_found" for each in missing)


def test_a_deleted_jobs_id_is_refused_to_its_owner_and_tells_others_nothing(gateway: Gateway) -> None:
    job = gateway.add(ALICE, JobStatus.FAILED)
    assert gateway.send(f"DELETE /jobs/{JOB_ID}", claims(ALICE)).body["id"] == JOB_ID
    for owner in (ALICE, BOB):
        gateway.files.upload(input_key(owner, JOB_ID, job.filename))
    again = gateway.send("POST /jobs", claims(ALICE), body=OTHERS["POST /jobs"])
    assert is_problem(again, 409, "job_conflict")
    assert gateway.send("POST /jobs", claims(BOB), body=OTHERS["POST /jobs"]).status == 201


@pytest.mark.parametrize("request_", ["GET /jobs", "GET /machines"])
def test_a_list_has_the_callers_own_alone_or_those_of_the_owner_whom_an_admin_names(
    gateway: Gateway, request_: str
) -> None:
    gateway.add(ALICE)
    lists = [gateway.send(request_, each).body for each in (claims(ALICE), claims(BOB), ADMINS_CLAIMS)]
    assert [len(body.get("jobs", body.get("alive"))) for body in lists] == [1, 0, 0]
    assert gateway.send(request_, ADMINS_CLAIMS, owner=ALICE).body == lists[0]
    assert is_problem(gateway.send(request_, claims(BOB), owner=ALICE), 404, "job_not_found")


@about_jobs
def test_what_an_admin_changes_stays_the_owners(
    gateway: Gateway, request_: str, status: JobStatus, answer: int
) -> None:
    """So a retry is paid out of the owner's day (docs/security.md)."""
    gateway.add(ALICE, status, **with_output(status))
    assert gateway.send(request_, ADMINS_CLAIMS, owner=ALICE).status == answer
    assert not gateway.jobs.page(ADMIN, 10, None).jobs
    assert {job.owner for job in gateway.jobs.page(ALICE, 10, None).jobs} <= {ALICE}


def test_an_admin_finds_the_owners_who_had_machines_lately_and_others_find_themselves(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What no user spent takes no user's place among the most that are listed.
    monkeypatch.setattr("functions.submission.recent_owners._MOST", 2)
    gateway.add(BOB)
    today, yesterday, before = (str(clock.utc_now().date() - timedelta(days=days)) for days in range(3))
    spent = {ALICE: [(today, 1_000), (yesterday, 1_100)], BOB: [(before, 5_000)], "unassigned": [(today, 9_000)]}
    for owner, charges in spent.items():
        for day, micro_usd in charges:
            gateway.queue.table.charge(Charge(day, owner, f"i-{owner}-{day}", micro_usd))
    alice = {"owner": ALICE, "email": None, "machines_alive": 0, "usd": "0.002100"}
    bob = {"owner": BOB, "email": "bob@example.com", "machines_alive": 1, "usd": "0.000000"}
    assert gateway.send("GET /owners", ADMINS_CLAIMS).body == {"owners": [bob, alice]}
    assert sorted(gateway.users.asked) == [BOB, ALICE]
    assert gateway.send("GET /owners", claims(ALICE)).body == {"owners": [alice]}
    assert gateway.send("GET /owners", claims(ADMIN)).body == {"owners": []}


@pytest.mark.parametrize(
    ("name", "owner", "email"),
    [(BOB, BOB, "bob@example.com"), ("bob@example.com", BOB, "bob@example.com"), (ALICE, ALICE, None)],
)
def test_an_admin_finds_a_user_by_id_or_address_also_without_machines(
    gateway: Gateway, name: str, owner: str, email: str | None
) -> None:
    found = {"owner": owner, "email": email, "machines_alive": 0, "usd": "0.000000"}
    assert gateway.send("GET /owners", ADMINS_CLAIMS, user=name).body == {"owners": [found]}
    gateway.add(owner)
    assert gateway.send("GET /owners", ADMINS_CLAIMS, user=name).body == {"owners": [found | {"machines_alive": 1}]}


@pytest.mark.parametrize("name", ["eve@example.com", "#queue", "anonymous", "x" * 300])
def test_whoever_is_no_user_is_not_found(gateway: Gateway, name: str) -> None:
    assert is_problem(gateway.send("GET /owners", ADMINS_CLAIMS, user=name), 404, "job_not_found")


@pytest.mark.parametrize("name", [BOB, "bob@example.com", "eve@example.com"])
def test_only_admins_learn_who_a_user_is(gateway: Gateway, name: str) -> None:
    assert is_problem(gateway.send("GET /owners", claims(ALICE), user=name), 404, "job_not_found")
    assert gateway.users.asked == []


@pytest.mark.parametrize("owner", ["#queue", "#slot", "#machine", "#lease", "anonymous", "", "../x", ALICE.upper()])
def test_not_even_an_admin_reaches_what_no_owner_can_be(gateway: Gateway, owner: str) -> None:
    assert is_problem(gateway.send("GET /jobs", ADMINS_CLAIMS, owner=owner), 404, "job_not_found")


def test_an_admin_submits_jobs_of_their_own_alone(gateway: Gateway) -> None:
    asked = gateway.send("POST /uploads", ADMINS_CLAIMS, body=OTHERS["POST /uploads"], owner=ALICE)
    assert asked.body["upload"]["fields"]["key"] == f"inputs/{ADMIN}/{JOB_ID}/a.txt"
    gateway.files.upload(input_key(ALICE, JOB_ID, "a.txt"))
    sent = gateway.send("POST /jobs", ADMINS_CLAIMS, body=OTHERS["POST /jobs"], owner=ALICE)
    assert is_problem(sent, 409, "upload_missing")


def test_an_upload_in_parts_is_for_the_one_who_began_it(gateway: Gateway) -> None:
    asked = gateway.send("POST /uploads", claims(ALICE), body={**OTHERS["POST /uploads"], "multipart": True})
    upload_id, key = asked.body["multipart"]["upload_id"], input_key(ALICE, JOB_ID, "a.txt")
    assert f"/{key}?" in asked.body["multipart"]["parts"][0]["url"]
    gateway.files.upload_part(key, upload_id, StoredPart(1, 3, "e"))
    for found in (claims(BOB), ADMINS_CLAIMS):
        for what in ("parts", "complete"):
            request = f"POST /uploads/{JOB_ID}/{what}"
            answer = gateway.send(request, found, body=OTHERS[request], owner=ALICE)
            assert is_problem(answer, 404, "upload_not_found")
        request = f"POST /uploads/{JOB_ID}/abort"
        assert gateway.send(request, found, body=OTHERS[request], owner=ALICE).status == 204
    assert gateway.files.stored_parts(key, upload_id) == [StoredPart(1, 3, "e")]
    request = f"POST /uploads/{JOB_ID}/complete"
    assert gateway.send(request, claims(ALICE), body=OTHERS[request]).status == 204
    assert set(gateway.files.s3.objects) == {f"uploads/{key}"}


def test_an_admins_copy_of_somebodys_file_is_the_admins(gateway: Gateway) -> None:
    job = gateway.add(ALICE, JobStatus.SUCCEEDED, id=OTHER_ID)
    assert gateway.send(f"POST /jobs/{OTHER_ID}/copy", ADMINS_CLAIMS, owner=ALICE).body["job_id"] == JOB_ID
    assert set(gateway.files.s3.objects) == {
        f"uploads/{input_key(owner, i, job.filename)}" for owner, i in ((ALICE, OTHER_ID), (ADMIN, JOB_ID))
    }


@pytest.mark.parametrize(
    "groups",
    [
        *(
            "",
            "[]",
            "admin",
            "[administrators]",
            "[Admin]",
            "[not-admin]",
            "[[admin]]",
            "[x admin]]",
            "admin]",
            "[admin,x]",
        ),
        *(None, 1, ["admin"], {"admin": True}),
    ],
)
def test_other_groups_and_groups_in_another_form_make_no_admin(gateway: Gateway, groups: Any) -> None:
    gateway.add(BOB)
    found = claims(ALICE) | {"cognito:groups": groups}
    assert is_problem(gateway.send("GET /jobs", found, owner=BOB), 404, "job_not_found")


@pytest.mark.parametrize("groups", ["[admin]", "[users admin]", "[admin users]"])
def test_being_in_further_groups_does_not_hurt(gateway: Gateway, groups: str) -> None:
    assert gateway.send("GET /jobs", claims(ALICE, groups), owner=BOB).status == 200


@pytest.mark.parametrize("found", [None, claims(ALICE), ADMINS_CLAIMS, claims("#queue")])
def test_without_sign_in_everybody_is_the_same_owner(found: Claims | None) -> None:
    gateway = Gateway(Auth.NONE)
    gateway.add("anonymous")
    gateway.add(ALICE, id=OTHER_ID)
    for query in ({}, {"owner": "anonymous"}):
        assert [job["owner"] for job in gateway.send("GET /jobs", found, **query).body["jobs"]] == ["anonymous"]
    assert is_problem(gateway.send("GET /jobs", found, owner=ALICE), 404, "job_not_found")


def test_the_documentation_asks_for_a_token_where_one_is_needed(gateway: Gateway) -> None:
    spec = gateway.send("GET /openapi.json").body
    ((name, scheme),) = spec["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    }
    open_ones = {key for key, operation in operations.items() if operation.get("security") != [{name: []}]}
    assert open_ones == {"GET /health"}
    assert {key for key, operation in operations.items() if "401" not in operation["responses"]} == open_ones


def test_the_documentation_of_an_open_api_asks_for_none() -> None:
    spec = Gateway(Auth.NONE).send("GET /openapi.json").body
    assert "securitySchemes" not in spec["components"]
    assert all("security" not in each for methods in spec["paths"].values() for each in methods.values())
