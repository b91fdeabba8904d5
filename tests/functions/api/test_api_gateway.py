"""What API Gateway gets from the function: Mangum's answers, made of FastAPI's (payload format 2.0)."""

from __future__ import annotations

import json
import logging

import pytest

from functions.api import problems
from tests.functions.api.test_owners import ABOUT_JOBS, ADMINS_CLAIMS, Gateway
from tests.functions.fakes.job_table import JOB_ID
from tests.functions.written_lines import written_lines

pytestmark = pytest.mark.usefixtures("event_loop")


@pytest.mark.parametrize("request_", ["GET /jobs/", "POST /jobs/", "GET /health/", f"POST /jobs/{JOB_ID}/cancel/"])
def test_a_slash_too_many_is_not_found_and_leads_nowhere_else(gateway: Gateway, request_: str) -> None:
    # Mangum strips /api and takes the host from the header, so Starlette's redirect would name another site's path
    # (mangum 0.22 handlers/utils.py; starlette Router.redirect_slashes; Kludex/mangum issue 307).
    answer = gateway.send(request_, ADMINS_CLAIMS)
    assert (answer.status, answer.body["code"]) == (404, "not_found")
    assert "location" not in answer.headers


def test_a_problem_travels_as_text(gateway: Gateway) -> None:
    # mangum/adapter.py, DEFAULT_TEXT_MIME_TYPES: what is not listed is sent as base64, a third longer.
    answer = gateway.invoke("GET /nothing", ADMINS_CLAIMS)
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert (answer["isBase64Encoded"], json.loads(answer["body"])["code"]) == (False, "not_found")


def test_an_unexpected_error_is_logged_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # mangum/protocols/http.py logs what Starlette's ServerErrorMiddleware raises again after it has been answered.
    lines = written_lines(monkeypatch, problems.logger)
    monkeypatch.delattr(gateway.jobs, "_client")
    with caplog.at_level(logging.INFO):
        assert gateway.send("GET /jobs", ADMINS_CLAIMS).status == 500
    (line,) = lines()
    assert "Traceback" in line["exception"]
    assert [each for each in caplog.records if each.name.startswith("mangum") and each.levelno > logging.INFO] == []


@pytest.mark.parametrize("path", [*(key.split(" ")[1] for key in ABOUT_JOBS if key.startswith("GET")), "/health"])
def test_head_answers_as_get_does_without_a_body(gateway: Gateway, path: str) -> None:
    # RFC 9110, 9.3.2
    seen = gateway.invoke(f"GET {path}", ADMINS_CLAIMS), gateway.invoke(f"HEAD {path}", ADMINS_CLAIMS)
    got, head = seen
    assert (head["statusCode"], head["body"]) == (got["statusCode"], "")
    assert head["headers"] == {name: value for name, value in got["headers"].items() if name != "content-length"}


def test_head_is_refused_where_there_is_no_get(gateway: Gateway) -> None:
    answer = gateway.invoke("HEAD /uploads", ADMINS_CLAIMS)
    assert (answer["statusCode"], answer["headers"]["allow"], answer["body"]) == (405, "POST", "")
