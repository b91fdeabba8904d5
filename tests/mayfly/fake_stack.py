"""A stack as the command line client sees it: its page's settings, API, bucket and user pool, all in this process."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx

from functions.jobs.job import JobStatus
from tests.stack import storage
from tests.stack.fake_job import LAUNCHED, RUNNING, FakeJob
from tests.stack.memory_stack import MemoryStack
from tests.stack.storage import Answer
from tests.stack.user_pool import UserPool

URL = "https://stack.example.org"
BUCKET = "https://bucket.example.org"
POOL = "https://pool.example.org"
PART_BYTES = 4


def is_form(request: httpx.Request) -> bool:
    return str(request.url).startswith(BUCKET) and request.method == "POST"


def part_number(request: httpx.Request) -> int:
    """Of the part that a request sends; 0 for any other."""
    return int(request.url.params.get("partNumber", 0))


def is_output(request: httpx.Request) -> bool:
    """Whether a result is fetched."""
    return str(request.url).startswith(BUCKET) and request.method == "GET"


class FakeStack(MemoryStack):
    """What a test may set, and what it may look at afterwards."""

    def __init__(self, pool: UserPool | None = None) -> None:
        super().__init__(None, f"{BUCKET}/")
        if pool:
            self.sign_in_by(pool)
        self.ends_as = "succeeded"
        self.looks = 0
        """How often a job is seen running before it has ended."""
        self.output = b"the result"
        self.trouble: list[Callable[[httpx.Request], httpx.Response | None]] = []
        """Each is asked in turn before a request is answered; an answer of its own, or an error, comes in the place."""
        self.requests: list[httpx.Request] = []
        self._lock = threading.RLock()
        self.configure(max_upload_bytes=5000)
        self.upload_in_parts(1000, PART_BYTES)

    def sign_in_by(self, pool: UserPool) -> UserPool:
        pool.url, pool.rotates = POOL, True
        self.pool = pool
        return pool

    @property
    def calls(self) -> list[str]:
        """`METHOD /path` of each request, in order."""
        return [f"{each.method} {each.url.path}" for each in self.requests]

    @property
    def user_pool(self) -> UserPool:
        assert self.pool is not None
        return self.pool

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    @property
    def files(self) -> dict[str, bytes]:
        """What was uploaded, by name."""
        return {path.rpartition("/")[2]: body for path, body in self.s3.objects.items() if path.startswith("uploads/")}

    def new_id(self) -> str:
        return f"01a204ef-036f-7e25-b1a5-{next(self.numbers):012d}"

    def add(self, status: str = "succeeded", filename: str = "letter.txt", batch: str | None = None) -> FakeJob:
        job = self.add_job(filename, "of alice", batch=batch)
        job.to_come = []
        self.bring(job, status)
        return job

    def add_verified(self, **changes: Any) -> FakeJob:
        """A succeeded job, with `changes` to what its manifest tells."""
        job = self.add()
        self.write_manifest(job, json.dumps(job.manifest | changes, sort_keys=True).encode())
        return job

    def write_manifest(self, job: FakeJob, body: bytes) -> None:
        """As if it had been there from the beginning."""
        known = job.job.manifest
        assert known is not None
        self.s3.put(known.path, body)
        job.change(manifest=replace(known, sha256=hashlib.sha256(body).hexdigest()))

    def bring(self, job: FakeJob, status: str) -> None:
        """Lets a job come to a status by its usual way."""
        if job.job.status is JobStatus.QUEUED and status not in {"queued", "cancelled"}:
            job.happen(*LAUNCHED)
            job.happen(*RUNNING)
        if job.job.status != status:
            job.happen(status)

    def look_at(self, job: FakeJob) -> None:
        if not job.job.status.is_terminal:
            self.bring(job, "running" if self.looks else self.ends_as)
            self.looks = max(0, self.looks - 1)

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
        address, headers = urlsplit(str(request.url)), dict(request.headers)
        if str(request.url).startswith(BUCKET):
            found = storage.call(self.s3, request.method, address, headers, request.content)
        elif str(request.url).startswith(POOL):
            assert self.pool is not None
            found = Answer(*self.pool.answer(address.path, dict(parse_qsl(request.content.decode()))))
        elif address.path == "/config.json":
            return httpx.Response(200, json=self.pool.settings if self.pool else {"auth": "none"})
        elif address.path.startswith("/api/"):
            found = self.call(request.method, address, headers, request.content)
        else:
            return httpx.Response(404, text="<html>no such page</html>")
        return httpx.Response(found.status, content=found.body, headers=found.headers)
