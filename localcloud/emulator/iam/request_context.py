"""The request that is being authorized, for checks that need more of it than the action and one ARN.

MiniStack's `enforce` is told one action and one resource. This patch keeps the request beside it and lets checks of
this package answer for the actions they know, each of them with as many (action, resource, condition keys) as AWS
checks; a call is allowed when all are.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator


@dataclass(frozen=True)
class ApiCall:
    """One signed request to a service; `params` are those of the query protocol, `body` is that of JSON services."""

    body: bytes
    params: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The body of a JSON service's; empty for what is no JSON object, which its handler refuses."""
        with contextlib.suppress(ValueError):
            document = json.loads(self.body)
            return document if isinstance(document, dict) else {}
        return {}


@dataclass(frozen=True)
class Check:
    """One thing that the caller must be allowed; keys of `context` are condition keys in lower case.

    `refusal` is the code and message of a call that is denied for it, where the service has its own.
    """

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict)
    refusal: tuple[str, str] | None = None


_current: ContextVar[ApiCall | None] = ContextVar("localcloud_api_call", default=None)


def install(checkers: dict[str, Callable[[ApiCall], Sequence[Check] | None]]) -> None:
    """Puts checkers in place, by the action MiniStack asks for; a checker that answers None leaves it to MiniStack."""
    app._dispatch_service_request = _remembering(app._dispatch_service_request)
    iam_evaluator.enforce = _with_checkers(iam_evaluator.enforce, checkers)


def _remembering(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    async def dispatch_service_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any], request_id: str
    ) -> Any:
        is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        form = parse_qs(body.decode("utf-8", "replace")) if is_form else {}
        token = _current.set(ApiCall(body=body, params={**query_params, **form}))
        try:
            return await dispatch(method, path, headers, body, query_params, request_id)
        finally:
            _current.reset(token)

    return dispatch_service_request


def _with_checkers(
    upstream: Callable[..., Any], checkers: dict[str, Callable[[ApiCall], Sequence[Check] | None]]
) -> Callable[..., Any]:
    def enforce(access_key_id: str, iam_action: str, service: str, region: str, **options: Any) -> Any:
        call, checker = _current.get(), checkers.get(iam_action)
        checks = checker(call) if call is not None and checker is not None else None
        if checks is None:
            return upstream(access_key_id, iam_action, service, region, **options)
        for check in checks:
            denied = upstream(
                access_key_id,
                check.action,
                service,
                region,
                resource_arn=check.resource,
                service_context=check.context,
            )
            if denied:
                return iam_evaluator.AuthError(*check.refusal) if check.refusal else denied
        return None

    return enforce
