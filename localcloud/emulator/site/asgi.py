"""The little of ASGI that the site needs: a whole request in, a whole answer out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Receive = Callable[[], Awaitable[dict[str, Any]]]

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is decoded, `raw_path` and `raw_query` are as sent; header names are lower case."""

    method: str
    path: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes
    client_ip: str


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; a header whose value is a list is sent once for each element."""

    status: int
    body: bytes = b""
    headers: dict[str, Any] = field(default_factory=dict)


def json_answer(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json"})


def problem(status: int, code: str, detail: str, **extra: object) -> Answer:
    """A problem document (RFC 9457) with the project's `code` member."""
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail, **extra}
    return Answer(status, json.dumps(body).encode(), {"content-type": "application/problem+json"})


async def read_request(scope: dict[str, Any], receive: Receive) -> Request:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    return Request(
        method=scope["method"],
        path=scope["path"],
        raw_path=raw_path.decode("latin-1").partition("?")[0],
        raw_query=scope.get("query_string", b"").decode("latin-1"),
        headers=_joined(scope.get("headers", [])),
        body=bytes(body),
        client_ip=(scope.get("client") or ("127.0.0.1",))[0],
    )


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """One value per name: repeated lines are joined as RFC 9110 5.2 and, for cookies, RFC 9113 8.2.3 say."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers


async def send_answer(send: Send, answer: Answer) -> None:
    """Sends an answer; the server leaves out the body of one to HEAD."""
    pairs = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, values in answer.headers.items()
        for value in (values if isinstance(values, list) else [values])
        if name.lower() not in {"transfer-encoding", "connection"}
    ]
    if not any(name == b"content-length" for name, _ in pairs):
        pairs.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body})
