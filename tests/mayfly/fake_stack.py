"""A stack as the command line client sees it: its page's settings, API, bucket and user pool, all in this process."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx2 as httpx

URL = "https://stack.example.org"
BUCKET = "https://bucket.example.org"
POOL = "https://pool.example.org"
CLIENT_ID = "command-line"
OWNER = "f3c4d8a2-40b1-70d2-9a51-3f0a5b8c1e27"
PART_BYTES = 4


def jwt(claims: Mapping[str, object]) -> str:
    """Has a JWT's form; nobody here looks at the signature."""
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "signature"])


def _hashes(content: bytes) -> dict[str, str]:
    md5 = hashlib.md5(content, usedforsecurity=False)
    return {"sha256": hashlib.sha256(content).hexdigest(), "md5": md5.hexdigest()}


@dataclass
class FakeStack:
    """What a test may set, and what it may look at afterwards."""

    auth: str = "none"
    ends_as: str = "succeeded"
    looks: int = 0
    """How often a job is seen running before it has ended."""
    multipart_from_bytes: int = 1000
    allowed: dict[str, Any] = field(default_factory=dict)
    """What its limits tell of what a job may ask for."""
    redirect_uris: list[str] = field(default_factory=lambda: ["http://127.0.0.1:0/signed-in"])
    lives_seconds: int = 900
    trouble: list[Callable[[httpx.Request], httpx.Response | None]] = field(default_factory=list)
    """Each is asked in turn before a request is answered; an answer of its own, or an error, comes in the place."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)
    log_lines: list[str] = field(default_factory=lambda: ["one", "two", "three"])
    requests: list[httpx.Request] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)
    """Code → the code challenge it was asked with."""
    valid: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=set)
    _numbers: Iterable[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    @property
    def calls(self) -> list[str]:
        """`METHOD /path` of each request, in order."""
        return [f"{each.method} {each.url.path}" for each in self.requests]

    def add_job(
        self, status: str = "succeeded", filename: str = "letter.txt", batch: str | None = None
    ) -> dict[str, Any]:
        job_id = f"01a204ef-036f-7e25-b1a5-{self._next():012d}"
        job = {
            "id": job_id,
            "owner": OWNER,
            "status": status,
            "filename": filename,
            "size": 7,
            "input_text": "of alice",
            "batch": batch,
            "output_size": 10 if status == "succeeded" else None,
            "manifest_sha256": None,
            "created_at": "2026-01-31T09:15:02.345Z",
            "attempts": 1,
            "machines": [],
            "timeline": [{"event": "queued", "at": "2026-01-31T09:15:02.345Z", "detail": "Waiting for a machine."}],
            "error": {"message": "It ended with exit code 1.", "advice": "Mend it."} if status == "failed" else None,
        }
        self.jobs[job_id] = job
        return job

    def add_verified(self, **changes: Any) -> dict[str, Any]:
        """A succeeded job and its manifest, with `changes` to what that tells."""
        job = self.add_job()
        told = {
            "version": 1,
            "job_id": job["id"],
            "owner": OWNER,
            "input": {"size": 7, "sha256": hashlib.sha256(b"content").hexdigest()},
            "text": {"size": 8, "sha256": hashlib.sha256(b"of alice").hexdigest()},
            "output": {"size": 10, **_hashes(b"the result")},
        }
        self.manifests[job["id"]] = json.dumps(told | changes, sort_keys=True).encode()
        job["manifest_sha256"] = hashlib.sha256(self.manifests[job["id"]]).hexdigest()
        return job

    def tokens(self) -> dict[str, Any]:
        """What the token endpoint answers somebody it lets in."""
        access, refresh = f"access-{self._next()}", f"refresh-{self._next()}"
        self.valid.add(access)
        self.refresh_tokens.add(refresh)
        claims = {"sub": OWNER, "email": "alice@example.com"}
        return {
            "access_token": access,
            "refresh_token": refresh,
            "id_token": jwt(claims),
            "expires_in": self.lives_seconds,
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        with self._lock:
            self.requests.append(request)
            for trouble in list(self.trouble):
                found = trouble(request)
                if found is not None:
                    return found
            return self.answered(request)

    def answered(self, request: httpx.Request) -> httpx.Response:
        """What happens where there is no trouble."""
        handlers = {URL: self._site, BUCKET: self._bucket, POOL: self._pool}
        return handlers[f"{request.url.scheme}://{request.url.host}"](request)

    def _next(self) -> int:
        return next(iter(self._numbers))

    def _site(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/config.json":
            return httpx.Response(200, json=self._settings())
        if self.auth != "none" and request.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            return httpx.Response(401, json={"message": "Unauthorized"})
        path = request.url.path.removeprefix("/api")
        body = json.loads(request.content) if request.content else {}
        for (method, pattern), handle in self._routes().items():
            if request.method == method and (match := re.fullmatch(pattern, path)):
                return handle(body, request.url.params, *match.groups())
        return httpx.Response(404, text="<html>no such page</html>")

    def _settings(self) -> dict[str, Any]:
        if self.auth == "none":
            return {"auth": "none"}
        own = {"client_id": CLIENT_ID, "redirect_uris": self.redirect_uris}
        return {"auth": "cognito", "domain": POOL, "client_id": "page", "scope": "openid email", "command_line": own}

    def _routes(self) -> dict[tuple[str, str], Callable[..., httpx.Response]]:
        job = "/jobs/([^/]+)"
        return {
            ("GET", "/limits"): self._limits,
            ("POST", "/uploads"): self._begin,
            ("POST", "/uploads/[^/]+/parts"): self._missing,
            ("POST", "/uploads/[^/]+/complete"): self._complete,
            ("POST", "/uploads/[^/]+/abort"): lambda *_: httpx.Response(204),
            ("POST", "/jobs"): self._create,
            ("GET", "/jobs"): self._page,
            ("GET", job): self._get,
            ("GET", f"{job}/output"): lambda *_: httpx.Response(200, json={"url": f"{BUCKET}/output"}),
            ("GET", f"{job}/manifest"): lambda _body, _params, job_id: httpx.Response(
                200, content=self.manifests[job_id]
            ),
            ("GET", f"{job}/log"): self._log,
            ("POST", f"{job}/(cancel|retry)"): self._change,
            ("DELETE", job): self._delete,
        }

    def _limits(self, *_: Any) -> httpx.Response:
        limits = {"max_upload_bytes": 5000, "max_text_chars": 20, "multipart_from_bytes": self.multipart_from_bytes}
        limits |= self.allowed
        return httpx.Response(200, json=limits)

    def _begin(self, body: dict[str, Any], *_: Any) -> httpx.Response:
        job_id = self.add_job("queued", body["filename"])["id"]
        answer: dict[str, Any] = {"job_id": job_id, "upload": None, "multipart": None, "expires_at": "later"}
        if body.get("multipart"):
            answer["multipart"] = {"upload_id": "u", "part_size": PART_BYTES, "parts": self._urls(body["size"])}
        else:
            answer["upload"] = {"url": f"{BUCKET}/form", "fields": {"key": body["filename"]}}
        return httpx.Response(201, json=answer)

    def _urls(self, size: int) -> list[dict[str, Any]]:
        starts = range(0, size, PART_BYTES)
        return [
            {"number": n, "size": min(PART_BYTES, size - start), "url": f"{BUCKET}/part/{n}"}
            for n, start in enumerate(starts, 1)
        ]

    def _missing(self, body: dict[str, Any], *_: Any) -> httpx.Response:
        parts = [{**each, "stored": each["number"] in self.parts} for each in self._urls(body["size"])]
        told = [{**each, "url": None} if each["stored"] else each for each in parts]
        return httpx.Response(200, json={"upload_id": "u", "part_size": PART_BYTES, "parts": told})

    def _complete(self, body: dict[str, Any], *_: Any) -> httpx.Response:
        self.files[body["filename"]] = b"".join(self.parts[number] for number in sorted(self.parts))
        assert len(self.files[body["filename"]]) == body["size"]
        return httpx.Response(204)

    def _create(self, body: dict[str, Any], *_: Any) -> httpx.Response:
        job = self.jobs[body["job_id"]]
        assert job["filename"] in self.files
        job["input_text"] = body["input_text"]
        job["overrides"] = body.get("overrides")
        job["batch"] = body.get("batch")
        return httpx.Response(201, json=job)

    def _page(self, _: Any, params: httpx.QueryParams) -> httpx.Response:
        """A page of a batch is one of all jobs without the others, as DynamoDB filters what it has read."""
        newest = [job for _, job in sorted(self.jobs.items(), reverse=True)]
        start, limit = int(params.get("cursor", "0")), int(params["limit"])
        more = start + limit < len(newest)
        batch = params.get("batch")
        found = [job for job in newest[start : start + limit] if batch in {None, job["batch"]}]
        page = {"jobs": found, "next_cursor": str(start + limit) if more else None}
        return httpx.Response(200, json=page)

    def _get(self, _body: Any, _params: Any, job_id: str) -> httpx.Response:
        if job_id not in self.jobs:
            problem = {"code": "job_not_found", "detail": "There is no such job."}
            return httpx.Response(404, json=problem)
        job = self.jobs[job_id]
        if job["status"] in {"queued", "running"}:
            job["status"] = "running" if self.looks else self.ends_as
            self.looks = max(0, self.looks - 1)
        return httpx.Response(200, json=job)

    def _log(self, _body: Any, params: httpx.QueryParams, _job_id: str) -> httpx.Response:
        start = int(params.get("after", "0"))
        found = self.log_lines[start : start + 2]
        lines = [{"at": "2026-01-31T09:15:02.345Z", "stream": "stdout", "text": text} for text in found]
        return httpx.Response(200, json={"lines": lines, "next": str(start + len(found)) if self.log_lines else None})

    def _change(self, _body: Any, _params: Any, job_id: str, what: str) -> httpx.Response:
        job = self.jobs[job_id]
        if (what == "retry") == (job["status"] == "queued"):
            problem = {"code": "not_ready", "detail": f"Job {job_id} cannot be retried."}
            return httpx.Response(409, json=problem)
        job["status"] = "queued" if what == "retry" else "cancelled"
        return httpx.Response(202, json=job)

    def _delete(self, _body: Any, _params: Any, job_id: str) -> httpx.Response:
        del self.jobs[job_id]
        moment = "2026-01-31T09:15:02.345Z"
        receipt = {"id": job_id, "deleted_at": moment, "objects": 4, "log_streams": 1, "final_at": moment}
        return httpx.Response(200, json=receipt)

    def _bucket(self, request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        if request.url.path == "/form":
            key, content = re.findall(rb'name="(?:key|file)".*?\r\n\r\n(.*?)\r\n--', request.content, re.DOTALL)
            self.files[key.decode()] = content
            return httpx.Response(204)
        if request.url.path.startswith("/part/"):
            assert int(request.headers["content-length"]) == len(request.content)
            self.parts[int(request.url.path.rpartition("/")[2])] = request.content
            return httpx.Response(200)
        start = int(request.headers.get("range", "bytes=0-")[len("bytes=") : -1])
        return httpx.Response(206 if start else 200, content=b"the result"[start:])

    def _pool(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert form["client_id"] == CLIENT_ID
        if request.url.path == "/oauth2/revoke":
            self.refresh_tokens.discard(form["token"])
            return httpx.Response(200)
        if form["grant_type"] == "refresh_token":
            is_known = form["refresh_token"] in self.refresh_tokens
        else:
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            is_known = self.challenges.pop(form["code"], None) == challenge
        return httpx.Response(200, json=self.tokens()) if is_known else httpx.Response(400, json={"error": "no_grant"})
