"""The largest body that a request may have, seen to before anything reads or parses it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.api.problems import problem
from functions.submission.submission import MAX_TEXT_CHARS

# The longest text, each character as two JSON escapes of six bytes, and room for everything else.
MAX_BODY_BYTES = 12 * MAX_TEXT_CHARS + 8 * 1024


class BodyLimit:
    """ASGI middleware that answers 413 to a body that is larger. What it lets through it has read whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            detail = f"The body has more than {MAX_BODY_BYTES:,} bytes. Files go to the URL that POST /uploads answers."
            refusal = problem("body_too_large", detail)
            await refusal(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def read_again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, read_again, send)


async def _read(receive: Receive) -> bytes | None:
    """The body; None once it is too large, or when the caller is gone before its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)
