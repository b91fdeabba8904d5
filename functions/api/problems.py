"""Errors as HTTP: the one place where an exception becomes a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from functions.api.answer_headers import ANSWER_HEADERS
from functions.api.models import FieldProblem, Problem
from functions.jobs.errors import RequestError

logger = Logger(service="api", child=True)

# The codes of each status, and what they mean to a caller. Only these codes can be answered and documented.
_CODES: dict[HTTPStatus, dict[str, str]] = {
    HTTPStatus.BAD_REQUEST: {
        "invalid_request": "A field or parameter cannot be taken as it is; `errors` names it.",
        "malformed_json": "The body is not JSON that can be read.",
        "override_not_allowed": "This stack does not allow that for a job; see GET /limits.",
    },
    HTTPStatus.UNAUTHORIZED: {
        "unauthorized": "No valid access token was sent; sign in.",
    },
    HTTPStatus.NOT_FOUND: {
        "job_not_found": "There is no such job, or it belongs to another owner.",
        "upload_not_found": "There is no such upload in parts: it was completed or aborted, it is over a day old, "
        "or it belongs to another owner.",
        "not_found": "There is nothing at this path.",
    },
    # too_many_open_jobs is not 429, on which clients try again in a moment: a job has to end first.
    HTTPStatus.CONFLICT: {
        "upload_missing": "The job's file is not stored: it was not uploaded yet, or is not kept any more.",
        "upload_incomplete": "Parts of the upload are not stored, or add up to another size; `detail` names them.",
        "job_conflict": "The job exists with another text or other overrides, or was deleted; ask for a new upload.",
        "not_ready": "The job's status does not allow this (yet); `detail` names it.",
        "too_many_runs": "The job was run as often as a job may be; submit its file as a new job (POST "
        "/jobs/{job_id}/copy).",
        "too_many_open_jobs": "As many of your jobs have not ended as one may have; wait for one to end, or cancel "
        "one.",
    },
    # Not 429, on which clients try again in a moment: there will be no other answer before the next day.
    HTTPStatus.FORBIDDEN: {
        "upload_quota": "You have uploaded and copied today as many bytes as one may; a day begins at 00:00 UTC.",
        "spending_cap": "Your machines, or all of this stack's, have cost so much today that one more might cost more "
        "than a day may; a day begins at 00:00 UTC.",
    },
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
        "file_too_large": "The file is larger than this stack takes, or can copy.",
        "body_too_large": "The request's body is too large; files go to the URLs that POST /uploads answers.",
    },
    HTTPStatus.INTERNAL_SERVER_ERROR: {
        "internal_error": "Something went wrong on our side; trying again in a moment may help.",
    },
    HTTPStatus.METHOD_NOT_ALLOWED: {
        "method_not_allowed": "The path does not take this method; the `Allow` header names those that it takes.",
    },
}
STATUS = {code: status for status, codes in _CODES.items() for code in codes}
MEANINGS = {code: meaning for codes in _CODES.values() for code, meaning in codes.items()}
# Answered on paths and to methods that no operation stands for.
NO_OPERATION = ("not_found", "method_not_allowed")
_ANYWHERE = ("body_too_large", "internal_error")
MEDIA_TYPE = "application/problem+json"


def documented(*codes: str, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that takes parameters, or a body: these codes and those of every such route."""
    answered = {HTTPStatus.UNPROCESSABLE_ENTITY: ["invalid_request"]}
    for code in (*_ANYWHERE, *(["malformed_json"] if body else []), *codes):
        answered.setdefault(STATUS[code], []).append(code)
    return {**_answers(answered), **_BY_API_GATEWAY}


def listed(codes: Iterable[str]) -> str:
    """The codes and their meanings as a list in Markdown."""
    return "\n".join(f"- `{code}`: {MEANINGS[code]}" for code in codes)


def _answers(codes: Mapping[HTTPStatus, Sequence[str]]) -> dict[int | str, dict[str, Any]]:
    return {
        int(status): {
            "description": f"{status.phrase}\n\n{listed(names)}",
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {code: _example(status, code) for code in names},
                }
            },
        }
        for status, names in codes.items()
    }


def _example(status: HTTPStatus, code: str) -> dict[str, Any]:
    # Not by way of the model, which would be built for that at every cold start.
    shown = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": MEANINGS[code]}
    return {"summary": MEANINGS[code], "value": {**shown, "code": code, "errors": []}}


def _in_words_of_api_gateway(example: str) -> dict[str, Any]:
    words = {"type": "string", "description": "API Gateway's own words.", "examples": [example]}
    return {"schema": {"type": "object", "properties": {"message": words}}}


# Answered before the API's function is asked, or in its place.
_BY_API_GATEWAY: dict[int | str, dict[str, Any]] = {
    int(status): {
        "description": f"{status.phrase}\n\n{reason} Try again after a while, a longer one each time.",
        "content": {"application/json": _in_words_of_api_gateway(status.phrase)},
    }
    for status, reason in (
        (HTTPStatus.TOO_MANY_REQUESTS, "All callers together ask for more than the stack takes (`requestsPerSecond`)."),
        (HTTPStatus.SERVICE_UNAVAILABLE, "The API's function cannot be asked, or has not answered in time."),
    )
}
# The `responses` of any route.
ANYWHERE = {**_answers({STATUS[code]: [code] for code in _ANYWHERE}), **_BY_API_GATEWAY}
# The `responses` of routes behind sign-in. API Gateway, which looks at the token first, words its refusal differently.
UNAUTHORIZED = _answers({HTTPStatus.UNAUTHORIZED: ["unauthorized"]})
UNAUTHORIZED[int(HTTPStatus.UNAUTHORIZED)]["content"]["application/json"] = _in_words_of_api_gateway("Unauthorized")


def problem(
    code: str,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    *,
    status: HTTPStatus | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """With the status that the code has, unless it is another one here."""
    status = status or STATUS[code]
    body = Problem(
        type="about:blank", title=status.phrase, status=int(status), detail=detail, code=code, errors=list(errors)
    )
    return JSONResponse(body.model_dump(), status_code=int(status), media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _request_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)  # noqa: S101  # Starlette's signature is wider than what it calls with
    return problem(error.code, str(error), [FieldProblem(field=error.field, message=str(error))])


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as above
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        reason = next(each["ctx"]["error"] for each in found if each["type"] == "json_invalid")
        return problem("malformed_json", f"The body is not valid JSON: {reason}.")
    errors = [
        FieldProblem(field=".".join(str(part) for part in each["loc"][1:]) or "body", message=each["msg"])
        for each in found
    ]
    detail = "; ".join(f"{each.field}: {each.message}" for each in errors)
    return problem("invalid_request", detail, errors, status=HTTPStatus.UNPROCESSABLE_ENTITY)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # as above
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        # FastAPI's own, for what the JSON parser gives up on: nesting, numbers of thousands of digits.
        return problem("malformed_json", "The body cannot be read as JSON; /api/docs shows what to send.")
    details = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path}; /api/docs lists what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.url.path}.",
    }
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_at(request))
    return problem(status.name.lower(), details.get(status, str(error.detail)), headers=headers)


def _methods_at(request: Request) -> list[str]:
    """What the path takes. Starlette names the methods of the first route alone, though each has one of its own."""
    candidates = ("DELETE", "GET", "PATCH", "POST", "PUT")
    found = [
        method
        for method in candidates
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
    return sorted([*found, "HEAD"] if "GET" in found else found)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error", exc_info=error, extra={"method": request.method, "path": request.url.path})
    detail = "Something went wrong on our side; try again in a moment."
    # Made outside of all middleware.
    return problem("internal_error", detail, headers=ANSWER_HEADERS)
