"""A small HTTP server that plays S3 towards the payload: objects, ranges, and the faults that a network really has."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Expires>then</Expires></Error>"
TOKEN_EXPIRED = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answers with this status; `unread` leaves a PUT's body unread and hangs up, as S3 does when it refuses."""

    status: int
    body: str = ""
    unread: bool = False


@dataclasses.dataclass(frozen=True)
class Drop:
    """Breaks the connection after so many bytes of the body, sent (GET) or read (PUT)."""

    after: int


@dataclasses.dataclass(frozen=True)
class Whole:
    """Answers with the whole object although a range was asked for."""


Fault = Answer | Drop | Whole


class S3Double(ThreadingHTTPServer):
    """Serves `objects` (by key) on 127.0.0.1; each request to a key first takes that key's next fault, if any."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._scheme = "http"
        if tls:
            self._scheme = "https"
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def url(self, key: str, query: str = "X-Amz-Signature=secret-signature") -> str:
        return f"{self._scheme}://localhost:{self.server_address[1]}/{key}?{query}"

    def put(self, key: str, body: bytes) -> tuple[str, str]:
        """Stores the object; returns its URL and SHA-256."""
        self.objects[key] = body
        return self.url(key), hashlib.sha256(body).hexdigest()

    def count(self, method: str, key: str) -> int:
        return sum(1 for seen in self.requests if seen[:2] == (method, key))

    def handle_error(self, request: object, client_address: object) -> None:
        """Broken connections are part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: S3Double
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = 1 << 16  # an answer goes as one, so that a connection that is reset has brought all of it

    def do_GET(self) -> None:
        key, fault = self._next()
        if isinstance(fault, Answer):
            return self._answer(fault.status, fault.body.encode())
        body = self.server.objects.get(key)
        if body is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>No such key.</Message></Error>")
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if self.headers.get("If-Match", etag) != etag:
            return self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked and not isinstance(fault, Whole) else 0
        self.send_response(206 if start else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if isinstance(fault, Drop):
            self.close_connection = True
            body = body[: start + fault.after]
        self.wfile.write(memoryview(body)[start:])
        return None

    def do_PUT(self) -> None:
        key, fault = self._next()
        length = int(self.headers["Content-Length"])
        if isinstance(fault, Answer) and fault.unread:
            self.close_connection = True
            return self._answer(fault.status, fault.body.encode())
        if isinstance(fault, Drop):
            self.close_connection = True
            self.rfile.read(fault.after)
            return None
        body = self.rfile.read(length)
        if isinstance(fault, Answer):
            return self._answer(fault.status, fault.body.encode())
        self.server.objects[key] = body
        return self._answer(200, b"")

    def _next(self) -> tuple[str, Fault | None]:
        key = urlsplit(self.path).path[1:]
        self.server.requests.append((self.command, key, dict(self.headers.items())))
        faults = self.server.faults.get(key)
        return key, faults.pop(0) if faults else None

    def _answer(self, status: int, body: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden method's name for it
        """Quiet."""
