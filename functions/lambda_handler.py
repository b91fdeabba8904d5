"""What every function's handler is wrapped in: the invocation's fields in each log line, and whatever it raises logged.

Lambda's runtime writes an error as one plain line, without job or step (awslambdaric, bootstrap.py, `log_error`), and
powertools' Logger leaves it at that. So it is logged here first, with every field that the handler has appended.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from functions.jobs.errors import JobEnded, RetryableStep, StepError

Answer = TypeVar("Answer")
Handler = Callable[[dict[str, Any], Any], Answer]


def lambda_handler(logger: Logger) -> Callable[[Handler[Answer]], Handler[Answer]]:
    """A decorator; it raises again what the handler raises, since a workflow goes by the error's name."""

    def decorate(handler: Handler[Answer]) -> Handler[Answer]:
        @wraps(handler)
        def invoked(event: dict[str, Any], context: Any) -> Answer:
            try:
                return handler(event, context)
            except Exception as error:
                log_error(logger, error)
                raise

        logged: Handler[Answer] = logger.inject_lambda_context(invoked, clear_state=True)
        return logged

    return decorate


def log_error(logger: Logger, error: Exception) -> None:
    """A step's own errors are its answers to the workflow, and say all there is; only others have a traceback."""
    if not isinstance(error, StepError):
        logger.error("failed", exc_info=error)
        return
    level = logger.info if isinstance(error, (RetryableStep, JobEnded)) else logger.warning
    level("not done", extra={"error": type(error).__name__, "reason": str(error)})
