"""What happens when a function raises.

Lambda reports the exception's class name, which Step Functions matches Retry and Catch by, and goes on using the
execution environment. Upstream MiniStack reports `Runtime.HandlerError` for every exception and ends the worker, so
the next invocation pays for a cold start. Here the worker reports the exception as a marked result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

MARK = "__localcloud_raised__"
_UPSTREAM = (
    '_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")'
)
_OURS = (
    'traceback.print_exc(); _real_stdout.write(json.dumps({"status": "ok", "result": {"' + MARK + '": '
    '{"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": traceback.format_tb(e.__traceback__)}'
    '}}) + "\\n")'
)


class WorkerScriptChangedError(RuntimeError):
    """MiniStack's worker no longer reports exceptions in the way that this patch replaces."""


def install() -> None:
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_UPSTREAM) != 1:
        raise WorkerScriptChangedError
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_UPSTREAM, _OURS)
    lambda_svc._execute_function_warm = _with_raised_errors(lambda_svc._execute_function_warm)


def _with_raised_errors(upstream: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result = upstream(function, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and MARK in body:
            return {**result, "body": {**body[MARK], "requestId": request_id}, "error": True}
        return result

    return execute
