"""Reserving executions for a function leaves the others enough, or is refused.

Lambda API reference, PutFunctionConcurrency: at least 100 concurrent executions stay for functions without a
reservation. An account with a lower limit, as new ones have it, can reserve none: its refusals name its whole limit,
such as 10, as the least that has to stay (aws-samples/alarm-context-tool#2). Upstream MiniStack takes any number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

_LEAST_UNRESERVED = 100


def install() -> None:
    lambda_svc._put_function_concurrency = _checked(lambda_svc._put_function_concurrency)


def _checked(upstream: Callable[..., Any]) -> Callable[..., Any]:
    def put_function_concurrency(name: str, request: dict[str, Any]) -> Any:
        limit, unreserved = _account()
        least = min(_LEAST_UNRESERVED, limit)
        function = lambda_svc._functions.get(name) or {}
        before = function.get("concurrency") or 0
        wanted = request.get("ReservedConcurrentExecutions", 0)
        if function and wanted > before and unreserved + before - wanted < least:
            return error_response_json(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution"
                f" below its minimum value of [{least}].",
                400,
            )
        return upstream(name, request)

    return put_function_concurrency


def _account() -> tuple[int, int]:
    """Its limit, and what of that no function has reserved."""
    _, _, body = lambda_svc._get_account_settings()
    limits = json.loads(body)["AccountLimit"]
    return limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
