"""Thousands of made-up requests, without a token, by alice and by bob: no crash, nothing undocumented or another's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis

from functions.api.app import API_PREFIX, create_app
from functions.api.caller import Auth
from functions.api.examples import EXAMPLE_SIZE, EXAMPLE_UPLOAD_ID
from functions.aws.usage_table import DynamoUsageTable
from functions.cleanup.deletion import Tombstone
from functions.jobs.job import Job, JobError, JobStatus, Run, StoredManifest
from functions.jobs.ports import StoredOutput, StoredPart, UploadForm
from functions.jobs.provenance import Reported, manifest_of
from functions.jobs.record_limits import MAX_RUNS
from functions.jobs.s3_keys import input_key, manifest_key
from functions.scheduling.ports import Slot
from functions.submission.overrides import Allowance
from functions.submission.quotas import Quotas
from functions.submission.uploads import part_sizes
from tests.functions.api.generated_requests import send_all, settings
from tests.functions.api.test_owners import ALICE, BOB, claims
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import MemoryJobTable, a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.fakes.submission import a_submission
from tests.functions.fakes.tables import in_memory

pytestmark = pytest.mark.thorough

AT_LEAST = 2_000
TOKENS = {"alice": ALICE, "bob": BOB}
SIGNED_OUT = "nobody"
NO_QUOTAS = Quotas()
# What only a job that is there, in one state or another, or a deleted one can be answered.
OF_STATES = {
    ("POST /jobs", "job_conflict"),
    ("POST /jobs/{job_id}/retry", "not_ready"),
    ("POST /jobs/{job_id}/retry", "too_many_runs"),
    ("POST /jobs/{job_id}/cancel", "not_ready"),
    ("DELETE /jobs/{job_id}", "not_ready"),
}
OF_QUOTAS = {
    ("POST /uploads", "upload_quota"),
    ("POST /uploads/{job_id}/parts", "upload_quota"),
    ("POST /jobs/{job_id}/copy", "upload_quota"),
    ("POST /jobs", "too_many_open_jobs"),
    ("POST /jobs/{job_id}/retry", "too_many_open_jobs"),
}


class UploadedFiles(MemoryJobFiles):
    """Each upload that is asked for is made, so that jobs can be made up too."""

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm:
        self.upload(key, b"x")
        return super().upload_form(key, size, content_type, expires_in)

    def stored_parts(self, key: str, upload_id: str) -> list[StoredPart] | None:
        """The upload of the description's example is all there, and every other id is of one that was just begun."""
        if upload_id == EXAMPLE_UPLOAD_ID:
            return [StoredPart(number, size, "e") for number, size in part_sizes(EXAMPLE_SIZE).items()]
        return None if len(upload_id) % 2 else []

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        return True

    def with_manifest(self, job: Job) -> Job:
        body = manifest_of(job, 1, StoredOutput(1, None), Reported(), (), "1.0.0").encode()
        path = self.put_manifest(manifest_key(job.owner, job.id, 1), body)
        return replace(job, manifest=StoredManifest(path, hashlib.sha256(body).hexdigest()))


@dataclass(frozen=True)
class Exchange:
    """`asked` is path, query and body; `operation` a method and a path of the description."""

    caller: str
    operation: str
    asked: str
    status: int
    kind: str
    answered: str

    @property
    def code(self) -> str:
        """Of a problem document."""
        return str(json.loads(self.answered)["code"])


class Gateway:
    """The application behind an authorizer that knows two tokens.

    Each request is sent three times: by alice, by bob and without a token, last by the one whose token came with it,
    who gets the answer.
    """

    def __init__(self, quotas: Quotas = NO_QUOTAS) -> None:
        self.exchanges: list[Exchange] = []
        self.jobs: dict[str, list[str]] = {name: [] for name in TOKENS}
        numbers, self._ids = count(1), count()
        self._table, self._files = MemoryJobTable(), UploadedFiles()
        submission = a_submission(
            self._table,
            self._files,
            max_upload_bytes=EXAMPLE_SIZE,
            allowance=Allowance(("c7g.large",), 60, 120),  # what the description has as an example
            new_id=lambda: an_id(0xF000 + next(numbers)),
            quotas=quotas,
            usage=in_memory(DynamoUsageTable),
        )
        self._queue = submission.queue
        self._app = create_app(submission, Auth.COGNITO)
        self.renew()

    def renew(self) -> None:
        """Adds jobs in every state: earlier requests may have deleted those that there were."""
        for name in TOKENS:
            self.jobs[name] = []
            self._add_jobs(name)
            # Several, so that requests come upon one of each: an earlier request may have deleted the others.
            for _ in range(4):
                self._add_spent_jobs(name)

    def _add_jobs(self, name: str) -> None:
        """Jobs of this person in every state, their words all theirs."""
        for status in [*JobStatus] * 4:
            owner, job_id = TOKENS[name], an_id(next(self._ids))
            path = f"outputs/outputs/{owner}/{job_id}/1/{name}-file.txt"
            job = a_job(
                owner=owner,
                id=job_id,
                status=status,
                filename=f"{name}-file.txt",
                input_text=f"{name}-text",
                input_file_path=f"uploads/{input_key(owner, job_id, f'{name}-file.txt')}",
                output_file_path=path if status is JobStatus.SUCCEEDED else None,
                error=JobError("script_failed", f"{name}-error", "a") if status is JobStatus.FAILED else None,
            )
            self._table.add(self._files.with_manifest(job) if status is JobStatus.SUCCEEDED else job)
            self._files.upload(input_key(owner, job_id, job.filename), b"x")
            if not status.is_terminal:
                self._queue.table.grant_slots([Slot(Run(owner, job_id), a_machine(f"i-{name}-{job_id}"))])
            self.jobs[name].append(job_id)

    def _add_spent_jobs(self, name: str) -> None:
        """One that has had all of its runs, one whose machine is on its way out, and one that was deleted."""
        owner = TOKENS[name]
        failed = replace(self._table.get(owner, self.jobs[name][0]) or a_job(), status=JobStatus.FAILED)
        spent, ending, deleted = (an_id(next(self._ids)) for _ in range(3))
        self._table.add(replace(failed, id=spent, run=MAX_RUNS))
        self._table.add(replace(failed, id=ending))
        self._queue.table.grant_slots([Slot(Run(owner, ending), a_machine(f"i-{name}-{ending}"))])
        moment = "2026-01-31T09:15:02.345Z"
        self._table.add(replace(failed, id=deleted))
        assert self._table.bury(failed, Tombstone(owner, deleted, moment, moment))
        for job_id in (spent, ending, deleted):
            self._files.upload(input_key(owner, job_id, failed.filename), b"x")
        self.jobs[name] += [spent, ending, deleted]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(b"authorization", b"").removeprefix(b"Bearer ").decode("latin-1")
        sender = sent if sent in TOKENS else SIGNED_OUT
        body = await whole_body(receive)
        for caller in sorted([*TOKENS, SIGNED_OUT], key=lambda each: each == sender):
            answer = await self._answer(caller, scope, body)
        for message in answer:
            await send(message)

    async def _answer(self, caller: str, scope: Any, body: bytes) -> list[Any]:
        found = {"authorizer": {"jwt": {"claims": claims(TOKENS[caller])}}} if caller in TOKENS else {}
        passed = {
            **scope,
            "path": scope["path"].removeprefix(API_PREFIX),
            "headers": [pair for pair in scope["headers"] if pair[0] != b"authorization"],
            "aws.event": {"requestContext": found},
        }
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def keep(message: Any) -> None:
            messages.append(message)

        await self._app(passed, receive, keep)
        self.exchanges.append(
            Exchange(
                caller,
                f"{scope['method']} {getattr(passed.get('route'), 'path', '')}",
                f"{scope['path']}?{unquote(scope['query_string'].decode())} {body.decode('utf-8', 'replace')}",
                int(messages[0]["status"]),
                dict(messages[0]["headers"]).get(b"content-type", b"").decode(),
                b"".join(message.get("body", b"") for message in messages[1:]).decode(),
            )
        )
        return messages


async def whole_body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def an_id(number: int) -> str:
    return f"01926b3c-7f3e-7c2a-9d51-{number:012x}"


def sent_through(
    gateway: Gateway, token: str, examples: int, *, thorough: bool = True, seed: int = 1
) -> tuple[list[str], dict[str, Any]]:
    """The faults found with requests that often name alice's jobs, and the description that they were made up from."""
    config = settings(token, examples, gateway.jobs["alice"], thorough=thorough, seed=seed)
    schema = schemathesis.openapi.from_asgi("/openapi.json", gateway, config=config)
    return list(send_all(schema).faults), schema.raw_schema


def unserved(gateway: Gateway, statuses: dict[str, set[int]]) -> set[tuple[str, int]]:
    """The operations and statuses of success that are documented and were not answered yet."""
    served = {(each.operation, each.status) for each in gateway.exchanges}
    return {(key, status) for key, each in statuses.items() for status in each if status < 300} - served


def sent_until(gateway: Gateway, is_complete: Callable[[], bool]) -> list[str]:
    """The faults found with further draws, until they have reached what chance had left out."""
    faults: list[str] = []
    seeds = iter(range(2, 12))
    while not is_complete() and (seed := next(seeds, None)) is not None:
        gateway.renew()
        faults += sent_through(gateway, "alice", 25, thorough=False, seed=seed)[0]
    return faults


def documented(description: dict[str, Any]) -> dict[str, set[int]]:
    """The statuses of each operation that its function answers; what API Gateway answers is plain JSON."""
    return {
        f"{method.upper()} {path}": {
            int(status)
            for status, answer in operation["responses"].items()
            if set(answer.get("content", ())) != {"application/json"} or int(status) < 400
        }
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def documented_codes(description: dict[str, Any]) -> dict[tuple[str, int], set[str]]:
    """The problem codes of each operation and status."""
    return {
        (f"{method.upper()} {path}", int(status)): set(answer["content"]["application/problem+json"]["examples"])
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if int(status) >= 400 and "application/problem+json" in answer["content"]
    }


def test_every_answer_to_a_made_up_request_is_one_that_is_documented() -> None:
    gateway = Gateway()
    faults, description = sent_through(gateway, "alice", 25)
    assert faults == []
    statuses = documented(description)
    more = sent_until(gateway, lambda: not unserved(gateway, statuses) and refusals(gateway) >= OF_STATES)
    assert more == []
    known = [each for each in gateway.exchanges if each.operation in statuses]
    assert [each for each in known if each.status not in statuses[each.operation]] == []
    assert [each for each in known if each.status >= 400 and each.kind != "application/problem+json"] == []
    codes = documented_codes(description)
    assert [each for each in known if each.status >= 400 and each.code not in codes[each.operation, each.status]] == []
    assert [each for each in gateway.exchanges if each.status >= 500] == []
    assert unserved(gateway, statuses) == set(), "requests of every kind got as far as to be served"
    assert refusals(gateway) >= OF_STATES
    assert without_field(gateway) == []
    print(f"{len(gateway.exchanges):,} requests")  # noqa: T201  # pytest shows it with -s, and with a failure
    assert len(gateway.exchanges) >= AT_LEAST


def refusals(gateway: Gateway) -> set[tuple[str, str]]:
    """What was refused, and the problem's code."""
    return {(each.operation, each.code) for each in gateway.exchanges if each.status >= 400 and each.answered}


def without_field(gateway: Gateway) -> list[Exchange]:
    """Refusals of an operation that name no field, other than those of a body that is none."""
    return [
        each
        for each in gateway.exchanges
        if each.status in {400, 403, 404, 409, 422}
        and each.answered
        and each.code not in {"malformed_json", "not_found"}
        and not json.loads(each.answered)["errors"]
    ]


def test_who_has_used_up_their_quotas_is_refused_as_documented() -> None:
    gateway = Gateway(Quotas(open_jobs=1, upload_bytes_a_day=1))
    faults, description = sent_through(gateway, "alice", 25, thorough=False)
    faults += sent_until(gateway, lambda: refusals(gateway) >= OF_QUOTAS)
    assert faults == []
    codes = documented_codes(description)
    known = [each for each in gateway.exchanges if each.status >= 400 and each.operation in documented(description)]
    assert [each for each in known if each.code not in codes[each.operation, each.status]] == []
    assert refusals(gateway) >= OF_QUOTAS
    assert without_field(gateway) == []


def test_no_made_up_request_shows_alices_jobs_to_bob_or_without_a_token() -> None:
    gateway = Gateway()
    # What the edges of the description are answered is the other test's.
    faults, _ = sent_through(gateway, "bob", 25, thorough=False)
    assert faults == []
    others = [each for each in gateway.exchanges if each.caller != "alice"]
    told = [each for each in gateway.exchanges if each.caller == "alice" and "alice-text" in each.answered]
    assert told, "alice herself is told"
    words = ("alice-text", "alice-file", "alice-error", "i-alice")
    # What a caller says about alice is repeated to them, in "there is no job ...".
    secrets = (*words, ALICE, *gateway.jobs["alice"])
    assert [
        (each, word) for each in others for word in secrets if word in each.answered and word not in each.asked
    ] == []
    named = [
        each
        for each in others
        if "/jobs/{job_id}" in each.operation and any(i in each.asked for i in gateway.jobs["alice"])
    ]
    assert len(named) > 100
    assert {each.status for each in named if each.caller == "bob"} <= {404, 422}
    assert {each.status for each in named if each.caller == SIGNED_OUT} == {401}
