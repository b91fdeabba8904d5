"""HTTP in front of the fake cloud: one port for the site and its API, one for S3, as on AWS."""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import json
import mimetypes
import re
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.frontend.fake_cloud import FakeCloud, Problem, now

SITE = Path(__file__).parents[2] / "frontend"
DOCS_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self'"
DOCS_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Mayfly API</title>
<link rel="icon" href="/favicon.svg"><link rel="stylesheet" href="/vendor/swagger-ui/swagger-ui.css">
<div id="docs"></div><script src="/vendor/swagger-ui/swagger-ui-bundle.js"></script><script src="/docs.js"></script>"""
SPECIFICATION = {
    "openapi": "3.1.0",
    "info": {"title": "Mayfly", "version": "1"},
    "paths": {
        "/jobs": {
            "post": {
                "summary": "Create a job",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewJob"}}}},
                "responses": {"201": {"description": "The job"}},
            }
        }
    },
    "components": {"schemas": {"NewJob": {"type": "object", "properties": {"input_text": {"type": "string"}}}}},
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
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
        else:
            self.file(path)

    def do_POST(self) -> None:
        self.api("POST", urlsplit(self.path).path)

    def file(self, path: str) -> None:
        policy = f"default-src 'self'; connect-src 'self' {self.cloud.s3_url}; img-src 'self' data:; object-src 'none'"
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
            self.answer(200, DOCS_PAGE, "text/html", {"Content-Security-Policy": DOCS_POLICY})
            return
        try:
            status, answer = self.route(method, path, json.loads(sent or b"null"), failure)
        except Problem as problem:
            status, answer = int(problem.status), problem.body
        kind = "application/problem+json" if status >= HTTPStatus.BAD_REQUEST else "application/json"
        lost = {"Content-Length": "1000000"} if failure == 0 else None
        self.answer(status, json.dumps(answer).encode(), kind, lost)
        self.close_connection = failure == 0

    def route(self, method: str, path: str, body: Any, failure: int | None) -> tuple[int, Any]:
        if failure:
            raise Problem(HTTPStatus(failure), "made_to_fail", "The service is not available right now.")
        steps = path.split("/")[2:]
        return (200, self.read(steps)) if method == "GET" else self.change(steps, body)

    def read(self, steps: list[str]) -> Any:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        match steps:
            case ["openapi.json"]:
                return SPECIFICATION
            case ["limits"]:
                return self.cloud.limits
            case ["machines"]:
                return self.cloud.list_machines()
            case ["jobs"]:
                return self.cloud.list_jobs(int(query["limit"]), query.get("cursor"))
            case ["jobs", job_id, *part]:
                return self.read_job(job_id, part, query)
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")

    def read_job(self, job_id: str, part: list[str], query: dict[str, str]) -> Any:
        match part:
            case []:
                return self.cloud.look_at(job_id)
            case ["log"]:
                return self.cloud.read_log(job_id, query.get("after"))
            case ["output"]:
                self.cloud.find(job_id)
                return {"url": f"{self.cloud.s3_url}/outputs/{job_id}", "expires_at": now()}
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")

    def change(self, steps: list[str], body: Any) -> tuple[int, Any]:
        match steps:
            case ["uploads"]:
                return 201, self.cloud.grant_upload(body)
            case ["jobs"]:
                return 201, self.cloud.create_job(body)
            case ["jobs", job_id, "cancel"]:
                return 202, self.cloud.cancel(job_id)
            case ["jobs", job_id, "retry"]:
                return 202, self.cloud.retry(job_id)
        raise Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")


class S3Handler(Handler):
    def allow_site(self) -> dict[str, str]:
        return {"Access-Control-Allow-Origin": self.cloud.url, "Access-Control-Allow-Methods": "POST"}

    def do_OPTIONS(self) -> None:
        # A browser asks first whenever upload progress is listened to.
        self.answer(200, b"", "text/plain", self.allow_site())

    def do_POST(self) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body())
        parts = {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}
        assert list(parts)[-1] == "file", "S3 ignores what comes after the file"
        self.cloud.calls.append("POST s3")
        self.cloud.uploads_may_end.wait(30)
        content = parts["file"].get_payload(decode=True)
        key = parts["key"].get_payload(decode=True)
        assert isinstance(content, bytes)
        assert isinstance(key, bytes)
        failure = self.cloud.next_failure("POST s3")
        if failure:
            error = b"<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>"
            self.answer(failure, error, "application/xml", self.allow_site())
            return
        self.cloud.stored[key.decode()] = content
        self.answer(204, b"", "text/plain", self.allow_site())

    def do_GET(self) -> None:
        job = self.cloud.find(self.path.rsplit("/", 1)[1])
        name = f"attachment; filename*=UTF-8''{quote(job.record['filename'])}"
        self.answer(200, job.output, "application/octet-stream", {"Content-Disposition": name})


@contextlib.contextmanager
def serve(cloud: FakeCloud) -> Iterator[FakeCloud]:
    """Serves the fake on two free ports of 127.0.0.1."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), type("Site", (SiteHandler,), {"cloud": cloud}))
    s3 = ThreadingHTTPServer(("127.0.0.1", 0), type("S3", (S3Handler,), {"cloud": cloud}))
    cloud.url, cloud.s3_url = (f"http://127.0.0.1:{server.server_address[1]}" for server in (site, s3))
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in (site, s3)]
    for thread in threads:
        thread.start()
    try:
        yield cloud
    finally:
        cloud.uploads_may_end.set()
        for server in (site, s3):
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
