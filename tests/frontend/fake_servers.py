"""HTTP in front of the fake cloud: a port each for the site and its API, for S3 and for sign-in, as on AWS."""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import json
import mimetypes
import re
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from functions.api.app import DOCS_PAGE
from tests.frontend.fake_cloud import ANONYMOUS, FakeCloud, Problem, canonical, now
from tests.frontend.fake_sign_in import FakeSignIn, Refused

SITE = Path(__file__).parents[2] / "frontend"
_HELD_SECONDS = 60  # the longest that a test holds an upload
DOCS_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
SPECIFICATION = {
    "openapi": "3.1.0",
    "info": {"title": "Mayfly", "version": "1"},
    "servers": [{"url": "/api"}],
    "paths": {
        "/jobs": {
            "post": {
                "summary": "Create a job",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewJob"}}}},
                "responses": {"201": {"description": "The job"}},
            }
        },
        "/machines": {"get": {"summary": "List machines", "responses": {"200": {"description": "Machines"}}}},
    },
    "security": [{"bearer": []}],
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        "schemas": {"NewJob": {"type": "object", "properties": {"input_text": {"type": "string"}}}},
    },
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the body would wait for the client to have the headers
    cloud: ClassVar[FakeCloud]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the page may have gone
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class SiteHandler(Handler):
    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/"):
            self.api("GET", path)
        elif path == "/config.json":
            told = self.cloud.sign_in.settings if self.cloud.sign_in else {"auth": "none"}
            self.answer(200, json.dumps(told).encode(), "application/json")
        else:
            self.file(path)

    def do_POST(self) -> None:
        self.api("POST", urlsplit(self.path).path)

    def do_DELETE(self) -> None:
        self.api("DELETE", urlsplit(self.path).path)

    def do_HEAD(self) -> None:
        self.answer(200, b"", "image/svg+xml")

    def file(self, path: str) -> None:
        pool = self.cloud.sign_in.url if self.cloud.sign_in else ""
        connect = f"connect-src 'self' {self.cloud.s3_url} {pool}"
        policy = f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; {connect}"
        file = SITE / (path.lstrip("/") or "index.html")
        if not file.is_file():
            self.answer(404, b"not here", "text/plain")
            return
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.answer(200, file.read_bytes(), kind, {"Content-Security-Policy": policy})

    def api(self, method: str, path: str) -> None:
        call = f"{method} {re.sub(r'[0-9a-f-]{36}', '{id}', path)}"
        self.cloud.calls.append(call)
        sent = self.body()
        failure = self.cloud.next_failure(call)
        if path == "/api/docs":
            policy = f"{DOCS_POLICY} {self.cloud.sign_in.url if self.cloud.sign_in else ''}"
            self.answer(200, DOCS_PAGE.encode(), "text/html", {"Content-Security-Policy": policy})
            return
        if path != "/api/openapi.json" and not self.is_let_in():
            # As API Gateway words it.
            self.answer(401, b'{"message":"Unauthorized"}', "application/json", {"WWW-Authenticate": "Bearer"})
            return
        try:
            status, answer = self.route(method, path, json.loads(sent or b"null"), failure)
        except Problem as problem:
            status, answer = int(problem.status), problem.body
        kind = "application/problem+json" if status >= HTTPStatus.BAD_REQUEST else "application/json"
        lost = {"Content-Length": "1000000"} if failure == 0 else None
        self.answer(status, b"" if status == HTTPStatus.NO_CONTENT else json.dumps(answer).encode(), kind, lost)
        self.close_connection = failure == 0

    def is_let_in(self) -> bool:
        sign_in = self.cloud.sign_in
        if sign_in is None:
            return "Authorization" not in self.headers
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and token in sign_in.valid

    def route(self, method: str, path: str, body: Any, failure: int | None) -> tuple[int, Any]:
        if failure:
            raise Problem(HTTPStatus(failure), "made_to_fail", "The service is not available right now.")
        steps = path.split("/")[2:]
        if method == "DELETE":
            self.cloud.delete(steps[-1])
            return 204, None
        return (200, self.read(steps)) if method == "GET" else self.change(steps, body)

    def read(self, steps: list[str]) -> Any:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        match steps:
            case ["openapi.json"]:
                return SPECIFICATION
            case ["limits"]:
                return self.cloud.limits
            case ["owners"]:
                return self.cloud.list_owners()
            case ["machines"]:
                return self.cloud.list_machines()
            case ["jobs"]:
                return self.cloud.list_jobs(
                    int(query["limit"]), query.get("cursor"), query.get("batch"), query.get("owner")
                )
            case ["jobs", job_id, *part]:
                return self.read_job(job_id, part, query)
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")

    def read_job(self, job_id: str, part: list[str], query: dict[str, str]) -> Any:
        if self.cloud.find(job_id).record["owner"] != query.get("owner", ANONYMOUS):
            raise Problem(HTTPStatus.NOT_FOUND, "job_not_found", "There is no job with this id.")
        match part:
            case []:
                return self.cloud.look_at(job_id)
            case ["log"]:
                return self.cloud.read_log(job_id, query.get("after"))
            case ["manifest"]:
                return json.loads(canonical(self.cloud.find(job_id).manifest))
            case ["output"]:
                self.cloud.find(job_id)
                return {"url": f"{self.cloud.s3_url}/outputs/{job_id}", "expires_at": now()}
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")

    def change(self, steps: list[str], body: Any) -> tuple[int, Any]:
        match steps:
            case ["uploads", *part]:
                return self.change_upload(part, body)
            case ["jobs"]:
                return 201, self.cloud.create_job(body)
            case ["jobs", job_id, "copy"]:
                return 201, self.cloud.copy_input(job_id)
            case ["jobs", job_id, "cancel"]:
                return 202, self.cloud.cancel(job_id)
            case ["jobs", job_id, "retry"]:
                return 202, self.cloud.retry(job_id)
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")

    def change_upload(self, part: list[str], body: Any) -> tuple[int, Any]:
        match part:
            case []:
                return 201, self.cloud.grant_upload(body)
            case [_, "parts"]:
                return 200, self.cloud.missing_parts(body)
            case [_, "complete"]:
                self.cloud.complete_upload(body)
                return 204, None
            case [_, "abort"]:
                self.cloud.multipart.pop(body["upload_id"], None)
                return 204, None
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")


class S3Handler(Handler):
    def allow_site(self) -> dict[str, str]:
        return {"Access-Control-Allow-Origin": self.cloud.url, "Access-Control-Allow-Methods": "GET, POST, PUT"}

    def do_OPTIONS(self) -> None:
        # A browser asks first whenever upload progress is listened to.
        self.answer(200, b"", "text/plain", self.allow_site())

    def do_POST(self) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body())
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        assert list(parts)[-1] == "file", "S3 ignores what comes after the file"
        self.cloud.calls.append("POST s3")
        if not self.is_let_on():
            self.close_connection = True
            return
        content = parts["file"].get_payload(decode=True)
        key = parts["key"].get_payload(decode=True)
        assert isinstance(content, bytes)
        assert isinstance(key, bytes)
        if self.is_left():
            self.close_connection = True
            return
        failure = self.cloud.next_failure("POST s3")
        if failure:
            error = b"<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>"
            self.answer(failure, error, "application/xml", self.allow_site())
            return
        self.cloud.stored[key.decode()] = content
        self.answer(204, b"", "text/plain", self.allow_site())

    def do_PUT(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        number, content = int(query["partNumber"]), self.body()
        self.cloud.calls.append(f"PUT s3 {number}")
        if number >= self.cloud.first_held_part and not self.is_let_on():
            self.close_connection = True
            return
        failure = self.cloud.next_failure(f"PUT s3 {number}")
        upload = self.cloud.multipart.get(query["uploadId"])
        if failure == 0 or self.is_left():
            self.connection.close()
            self.close_connection = True
        elif failure or int(query["grant"]) < self.cloud.grant:
            error = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            self.answer(failure or 403, error, "application/xml", self.allow_site())
        elif upload is None or len(content) != upload.sizes()[number]:
            self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>", "application/xml", self.allow_site())
        else:
            upload.stored[number] = content
            self.answer(200, b"", "text/plain", {"ETag": '"an-etag"', **self.allow_site()})

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

    def do_GET(self) -> None:
        job = self.cloud.find(self.path.rsplit("/", 1)[1])
        name = f"attachment; filename*=UTF-8''{quote(job.record['filename'])}"
        headers = {"Content-Disposition": name, **self.allow_site()}
        asked = re.fullmatch(r"bytes=0-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            self.answer(200, job.output, "application/octet-stream", headers)
        elif not job.output:
            self.answer(416, b"<Error><Code>InvalidRange</Code></Error>", "application/xml", headers)
        else:
            self.answer(206, job.output[: int(asked[1]) + 1], "application/octet-stream", headers)


class SignInHandler(Handler):
    def do_GET(self) -> None:
        sign_in, query = self.sign_in(), self.fields(urlsplit(self.path).query)
        way = {"/oauth2/authorize": sign_in.authorize, "/logout": sign_in.sign_out}[urlsplit(self.path).path]
        self.answer(302, b"", "text/plain", {"Location": way(query)})

    def do_POST(self) -> None:
        sign_in, form = self.sign_in(), self.fields(self.body().decode())
        sign_in.calls.append(f"POST {self.path} {form.get('grant_type', '')}".strip())
        allowed = {"Access-Control-Allow-Origin": self.cloud.url}
        if sign_in.outage:
            self.answer(503, b"", "text/plain", allowed)
        elif self.path == "/oauth2/revoke":
            sign_in.revoke(form)
            self.answer(200, b"", "application/json")
        else:
            try:
                status, answer = 200, sign_in.token(form)
            except Refused as refused:
                status, answer = 400, {"error": str(refused)}
            self.answer(status, json.dumps(answer).encode(), "application/json", allowed)

    def sign_in(self) -> FakeSignIn:
        assert self.cloud.sign_in is not None
        return self.cloud.sign_in

    def fields(self, encoded: str) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(encoded).items()}


@contextlib.contextmanager
def serve(cloud: FakeCloud) -> Iterator[FakeCloud]:
    """Serves the fake on free ports of 127.0.0.1: two, and a third one where people sign in."""
    handlers: list[tuple[str, type[Handler]]] = [("Site", SiteHandler), ("S3", S3Handler)]
    if cloud.sign_in:
        handlers.append(("SignIn", SignInHandler))
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), type(name, (kind,), {"cloud": cloud})) for name, kind in handlers]
    cloud.url, cloud.s3_url, *rest = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    if cloud.sign_in:
        cloud.sign_in.origin, (cloud.sign_in.url,) = cloud.url, rest
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
