"""What a user reads when something is wrong: one message that says what to do."""

from __future__ import annotations

import httpx2 as httpx

from mayfly.errors import JobApiError, MayflyError
from mayfly.retry import is_lasting
from mayfly.session import signed_out_text

# What a command may end with; anything else is a fault of its own.
EXPECTED = (MayflyError, httpx.HTTPError, httpx.InvalidURL, OSError)


def advice(error: Exception) -> str:
    if isinstance(error, JobApiError):
        return _refused(error)
    if isinstance(error, httpx.LocalProtocolError):
        return f"{_host(error)} cannot be asked: the request would be malformed. Check the address and the token."
    if isinstance(error, httpx.TransportError) and is_lasting(error):
        return (
            f"{_host(error)} has a certificate that this computer does not trust ({error}). Where a proxy or the stack"
            " has one of its own, name the file of its authority: SSL_CERT_FILE"
        )
    if isinstance(error, httpx.InvalidURL):
        return f"An address is malformed: {error}."
    if isinstance(error, httpx.RequestError):
        return (
            f"{_host(error)} cannot be reached ({error or type(error).__name__}). Check the address and the connection."
        )
    return str(error)


def _host(error: httpx.RequestError) -> str:
    try:
        return error.request.url.host
    except RuntimeError:  # it knows of no request
        return "The service"


def _refused(error: JobApiError) -> str:
    if error.is_unauthorized:
        return (
            f"{signed_out_text(error.origin)} (or, for a program, set MAYFLY_TOKEN to a token that is still good;"
            " for waits of over a quarter of an hour, MAYFLY_TOKEN_COMMAND to a command that prints one)"
        )
    if error.is_server_error:
        return f"The service is busy or out of order ({error.status} {error.detail}). Try again in a moment."
    return f"{error.detail} ({error.status} {error.code or error.origin})"
