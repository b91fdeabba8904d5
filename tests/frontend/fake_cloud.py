"""The stack in memory behind HTTP: a port each for the site with its API, for S3 and for sign-in, as on AWS."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests.stack import storage
from tests.stack.memory_stack import MemoryStack
from tests.stack.storage import Answer
from tests.stack.user_pool import UserPool

SITE = Path(__file__).parents[2] / "frontend"
_HELD_SECONDS = 60  # the longest that a test holds an upload
_JSON = {"content-type": "application/json"}


class FakeCloud(MemoryStack):
    """What a test may set besides: what is answered otherwise, and which uploads are held."""

    def __init__(self, pool: UserPool | None = None) -> None:
        super().__init__(pool)
        self.url = ""
        self.calls: list[str] = []
        self.failing: dict[str, list[int]] = {}
        """Per call, such as "POST /api/jobs", the next answers' statuses; 0 does the work but cuts the answer off."""
        self.expired: set[str] = set()
        """The addresses of parts that were answered with 403, and are from then on."""
        self.uploads_may_end = threading.Event()
        self.uploads_may_end.set()
        self.first_held_part = 1
        """The parts before this one need not wait for `uploads_may_end`."""

    def next_failure(self, call: str) -> int | None:
        statuses = self.failing.get(call)
        return statuses.pop(0) if statuses else None

    @property
    def texts(self) -> dict[str, str]:
        """The text of each job, by its file's name."""
        return {job.record["filename"]: job.record["input_text"] for job in self.jobs.values()}

    @property
    def policy(self) -> str:
        """What CloudFront adds to every answer (infra/site.py)."""
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            f"connect-src 'self' {self.s3.url} {self.pool.url if self.pool else ''}; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the body would wait for the client to have the headers
    cloud: ClassVar[FakeCloud]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.answered({name.lower(): value for name, value in self.headers.items()}, body)
        if answer is None:
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the page may have gone
            self.wfile.write(b"" if self.command == "HEAD" else answer.body)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - http.server's names

    def answered(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """None closes the connection."""
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


class SiteHandler(Handler):
    def answered(self, headers: Mapping[str, str], body: bytes) -> Answer:
        path, cloud = urlsplit(self.path).path, self.cloud
        if path.startswith("/api/"):
            answer = self.api(headers, body)
        elif path == "/config.json":
            settings = cloud.pool.settings if cloud.pool else {"auth": "none"}
            answer = Answer(200, json.dumps(settings).encode(), _JSON)
        else:
            answer = self.file(path)
        return Answer(answer.status, answer.body, {**answer.headers, "content-security-policy": cloud.policy})

    def file(self, path: str) -> Answer:
        file = SITE / (path.lstrip("/") or "index.html")
        if not file.is_file():
            return Answer(404, b"not here", {"content-type": "text/plain"})
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Answer(200, file.read_bytes(), {"content-type": kind})

    def api(self, headers: Mapping[str, str], body: bytes) -> Answer:
        address = urlsplit(self.path)
        call = f"{self.command} {re.sub(r'[0-9a-f-]{36}', '{id}', address.path)}"
        self.cloud.calls.append(call)
        failure = self.cloud.next_failure(call)
        if failure:
            words = "The service is not available right now."
            problem = {"title": HTTPStatus(failure).phrase, "status": failure, "detail": words, "code": "made_to_fail"}
            return Answer(failure, json.dumps(problem).encode(), {"content-type": "application/problem+json"})
        answer = self.cloud.call(self.command, address, headers, body)
        self.close_connection = failure == 0
        lost = {"content-length": "1000000"} if failure == 0 else {}
        return Answer(answer.status, answer.body, {**answer.headers, **lost})


class S3Handler(Handler):
    def answered(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        answer = self.stored(headers, body)
        # A browser asks with OPTIONS first whenever upload progress is listened to.
        allowed = {
            "access-control-allow-origin": self.cloud.url,
            "access-control-allow-methods": "GET, POST, PUT",
        }
        return answer and Answer(answer.status, answer.body, {**answer.headers, **allowed})

    def stored(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        address = urlsplit(self.path)
        if self.command == "OPTIONS":
            return Answer(200)
        if self.command in {"POST", "PUT"}:
            number = dict(parse_qsl(address.query)).get("partNumber", "")
            call = f"{self.command} s3 {number}".strip()
            self.cloud.calls.append(call)
            if (not number or int(number) >= self.cloud.first_held_part) and not self.is_let_on():
                return None
            failure = 403 if self.path in self.cloud.expired else self.cloud.next_failure(call)
            if failure == 0 or self.is_left():
                return None
            if failure == 403 and number:
                self.cloud.expired.add(self.path)
            if failure:
                return storage.error(failure, "AccessDenied", "Request has expired")
        return storage.call(self.cloud.s3, self.command, address, headers, body)

    def is_let_on(self) -> bool:
        """Waits until uploads may end; False when the browser has left before, or the test has forgotten this one."""
        until = time.monotonic() + _HELD_SECONDS
        while not self.cloud.uploads_may_end.wait(0.05):
            if self.is_left():
                self.cloud.calls.append("left s3")
                return False
            if time.monotonic() > until:
                return False
        return True

    def is_left(self) -> bool:
        """Whether the page has closed the connection."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True


class SignInHandler(Handler):
    def answered(self, headers: Mapping[str, str], body: bytes) -> Answer:
        pool, address = self.cloud.pool, urlsplit(self.path)
        assert pool is not None
        if self.command == "GET":
            way = {"/oauth2/authorize": pool.authorize, "/logout": pool.sign_out}[address.path]
            return Answer(302, b"", {"location": way(dict(parse_qsl(address.query)))})
        allowed = {"access-control-allow-origin": self.cloud.url}
        return Answer(*pool.answer(address.path, dict(parse_qsl(body.decode()))), {**_JSON, **allowed})


@contextlib.contextmanager
def serve(cloud: FakeCloud) -> Iterator[FakeCloud]:
    """Serves the fake on free ports of 127.0.0.1: two, and a third one where people sign in."""
    handlers: list[type[Handler]] = [SiteHandler, S3Handler, *([SignInHandler] if cloud.pool else [])]
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), type("Of", (kind,), {"cloud": cloud})) for kind in handlers]
    cloud.url, s3_url, *rest = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    cloud.s3.url = f"{s3_url}/"
    if cloud.pool:
        cloud.pool.origin, (cloud.pool.url,) = cloud.url, rest
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield cloud
    finally:
        cloud.uploads_may_end.set()
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
        cloud.close()
