"""What a worker answers when its function has raised, and what the function has printed until then.

Lambda reports the exception's class name, which Step Functions matches Retry and Catch by, and goes on using the
execution environment. Upstream MiniStack reports `Runtime.HandlerError` for every exception and ends the worker, so
the next invocation pays for a cold start; and it waits 50 ms after every invocation for a first line of output. Here
the worker reports the exception as a marked result, and prints a mark after the function's output.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

RAISED = "__localcloud_raised__"
PRINTED = "__localcloud_has_printed__"
LONGEST_WAIT_SECONDS = 5.0  # for a mark that never comes: the function has closed its standard error
_UPSTREAM = """
        try:
            result = handler_fn(event, context)
            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")
        except Exception as e:
            _real_stdout.write(json.dumps({"status": "error", "error": str(e), \
"trace": traceback.format_exc()}) + "\\n")
"""
_OURS = f"""
        try:
            _answer = json.dumps({{"status": "ok", "result": handler_fn(event, context)}})
        except Exception as e:
            traceback.print_exc()
            _trace = traceback.format_tb(e.__traceback__)
            _raised = {{"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": _trace}}
            _answer = json.dumps({{"status": "ok", "result": {{"{RAISED}": _raised}}}})
        print("{PRINTED}", file=sys.__stderr__, flush=True)
        _real_stdout.write(_answer + "\\n")
"""


class WorkerScriptChangedError(RuntimeError):
    """MiniStack's worker no longer answers in the way that this patch replaces."""


def install() -> None:
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(_UPSTREAM) != 1:
        raise WorkerScriptChangedError
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_UPSTREAM, _OURS)
    lambda_svc._execute_function_warm = _with_raised_errors(lambda_svc._execute_function_warm)
    lambda_runtime.Worker._drain_stderr_bounded = _up_to_the_mark(lambda_runtime.Worker._drain_stderr_bounded)


def _with_raised_errors(upstream: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result = upstream(function, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and RAISED in body:
            return {**result, "body": {**body[RAISED], "requestId": request_id}, "error": True}
        return result

    return execute


def _up_to_the_mark(upstream: Callable[..., str]) -> Callable[..., str]:
    def printed(worker: Any, **options: Any) -> str:
        has_died, is_python = worker._proc is None, worker.config.get("Runtime", "").startswith("python")
        if has_died or not is_python:
            return upstream(worker, **options)
        return "\n".join(_lines(worker._stderr_queue))

    return printed


def _lines(output: queue.Queue[str]) -> Iterator[str]:
    try:
        while not (line := output.get(timeout=LONGEST_WAIT_SECONDS)).endswith(PRINTED):
            yield line
    except queue.Empty:
        return
    if unfinished := line.removesuffix(PRINTED):
        yield unfinished
