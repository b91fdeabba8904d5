"""Trying again what may go wrong for a moment."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus

import httpx2 as httpx

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
LAST_PAUSE_SECONDS = 15.0


def pause(failures: int) -> None:
    """Sleeps the longer the more often it went wrong, and not as long as other clients that try again."""
    longest = min(FIRST_PAUSE_SECONDS * 2**failures, LAST_PAUSE_SECONDS)
    time.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - spread, no secret


def with_retries(send: Callable[[], httpx.Response], attempts: int) -> httpx.Response:
    """The answer to a request that can be repeated without harm; the last one, if the server is busy every time.

    Raises:
        httpx.TransportError: there was no answer to any attempt.
    """
    for failures in range(1, attempts):
        try:
            response = send()
        except httpx.TransportError as error:
            if is_lasting(error):
                raise
        else:
            if not _is_passing(response.status_code):
                return response
        pause(failures)
    return send()


def is_lasting(error: httpx.TransportError) -> bool:
    """Whether another attempt would fail the same way: the request itself, or the server's certificate, is wrong."""
    if isinstance(error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return True
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _is_passing(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
