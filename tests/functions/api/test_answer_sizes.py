"""The largest answers that the API can give fit into what Lambda answers, as its runtime client writes them."""

from __future__ import annotations

import os
from dataclasses import replace
from unittest.mock import patch

import pytest

from functions.api.caller import Auth
from functions.api.models import LogAnswer
from functions.jobs.failure_catalog import job_error
from functions.jobs.ids import new_job_id
from functions.jobs.job import Run
from functions.jobs.s3_keys import MAX_FILENAME_BYTES
from functions.scheduling.ports import Slot
from functions.submission.submission import MAX_PAGE, MAX_TEXT_CHARS
from tests.functions.api.test_owners import ALICE, Gateway, claims
from tests.functions.aws.test_machine_log import read
from tests.functions.fakes.machines import a_machine
from tests.functions.jobs.test_record_limits import largest_job

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("event_loop")]

# For Linux alone.
marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
# Lambda developer guide, "Lambda quotas": 6 MB for each synchronous response, which its error states as 6291556 bytes.
LAMBDA_ANSWERS = 6_291_556
# Newer runtimes write what is not ASCII as it is, older ones escape it (awslambdaric, lambda_runtime_marshaller.py).
RUNTIMES = ["AWS_Lambda_python3.11", "AWS_Lambda_python3.13"]
# Characters that take much room once they are escaped, and once more.
WORST = ["\x01", '"', "\\", "🪰", "€", "\x7f"]


def answer_bytes(answer: object) -> int:
    """As that runtime writes it which makes the most of it."""
    sizes = []
    for runtime in RUNTIMES:
        with patch.dict(os.environ, {"AWS_EXECUTION_ENV": runtime}):
            sizes.append(len(marshaller.to_json(answer).encode()))
    return max(sizes)


@pytest.mark.parametrize("character", WORST)
def test_a_page_of_the_largest_jobs_is_answered_and_the_rest_follows(character: str) -> None:
    gateway = Gateway(Auth.COGNITO)
    job = largest_job()
    assert job.error is not None
    name = character * (MAX_FILENAME_BYTES // len(character.encode()))
    ids = sorted((new_job_id() for _ in range(MAX_PAGE)), reverse=True)
    error = job_error(job.error.code, character * 6_000)
    for job_id in ids:
        text = character * MAX_TEXT_CHARS
        gateway.jobs.add(replace(job, owner=ALICE, id=job_id, input_text=text, filename=name, error=error))
    found: list[str] = []
    cursor: dict[str, str] = {}
    while len(found) < MAX_PAGE:
        sent = {"request": "GET /jobs", "found": claims(ALICE), "limit": str(MAX_PAGE), **cursor}
        assert answer_bytes(gateway.invoke(**sent)) < LAMBDA_ANSWERS  # type: ignore[arg-type]
        page = gateway.send(**sent).body  # type: ignore[arg-type]
        assert page["jobs"]
        found += [each["id"] for each in page["jobs"]]
        cursor = {"cursor": page["next_cursor"]}
    assert found == ids


def test_a_page_of_jobs_as_they_usually_are_is_whole() -> None:
    gateway = Gateway(Auth.COGNITO)
    for _ in range(MAX_PAGE):
        gateway.jobs.add(replace(largest_job(), owner=ALICE, id=new_job_id(), input_text="Read and approved."))
    assert len(gateway.send("GET /jobs", claims(ALICE), limit=str(MAX_PAGE)).body["jobs"]) == MAX_PAGE


def test_ten_thousand_machines_alive_are_answered() -> None:
    """As many as mayfly:maxConcurrentJobs allows."""
    gateway = Gateway(Auth.COGNITO)
    machine = a_machine(f"i-{'0' * 17}", instance_type="u7in-24tb.224xlarge", zone="ap-northeast-1-tpe-1a")
    gateway.queue.table.grant_slots([Slot(Run(ALICE, new_job_id()), machine) for _ in range(10_000)])
    assert answer_bytes(gateway.invoke("GET /machines", claims(ALICE))) < LAMBDA_ANSWERS


@pytest.mark.parametrize("character", ['"', "\\", "🪰", "\x9b"])
@pytest.mark.parametrize("line_bytes", [0, 100, 250_000])
def test_a_page_of_a_log_is_answered(character: str, line_bytes: int) -> None:
    event = (character * line_bytes + "\n") * (200_000 // (line_bytes + 1) + 1)
    page = read([event] * 6)
    body = LogAnswer.of(page).model_dump_json()
    assert answer_bytes({"statusCode": 200, "body": body, "headers": {"x": "y" * 1_000}}) < LAMBDA_ANSWERS
