"""A stand-in for the API and S3, for the page's behaviour alone: it runs no script and proves nothing about the cloud.

A job moves on whenever the page asks for it, so that a test never waits for a clock.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

WAY = (
    ("launching", "Asking for t4g.micro in eu-central-1a"),
    ("launched", "i-0f1e2d3c4b5a69788, t4g.micro in eu-central-1a"),
    ("machine_online", ""),
    ("command_sent", ""),
    ("running", ""),
    ("input_downloaded", "18 kB"),
    ("script_started", ""),
    ("script_finished", "Exit code 0"),
    ("output_uploaded", "18 kB"),
    ("succeeded", ""),
    ("machine_terminated", "i-0f1e2d3c4b5a69788 is terminated, checked with EC2"),
)
FAILING_WAY = (*WAY[:7], ("script_finished", "Exit code 3"), ("failed", "The script failed"), WAY[-1])
STATUS_AFTER = {
    "launching": "launching",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
SCRIPT_FAILED = {
    "code": "script_failed",
    "message": "The script ended with exit code 3.\ncannot read line 7: <b>not</b> a number",
    "advice": "Correct the file or the script, then submit again. Trying again unchanged will not help.",
}


class Problem(Exception):
    def __init__(self, status: HTTPStatus, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code}
        self.body |= more


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class FakeJob:
    record: dict[str, Any]
    output: bytes
    to_come: list[tuple[str, str]]
    log: list[dict[str, str]] = field(default_factory=list)

    def happen(self, event: str, detail: str) -> None:
        self.record["timeline"].append({"event": event, "at": now(), "detail": detail})
        self.record["status"] = STATUS_AFTER.get(event, self.record["status"])
        self.record["updated_at"] = now()
        if event == "failed":
            self.record["error"] = SCRIPT_FAILED
            self.log.append({"at": now(), "stream": "stderr", "text": "cannot read line 7"})
        if event == "script_started":
            self.log.append({"at": now(), "stream": "stdout", "text": "<b>appending</b> the text"})
        if event == "succeeded":
            self.record["output_file_path"] = f"outputs/anonymous/{self.record['id']}/1/{self.record['filename']}"


@dataclass
class FakeCloud:
    """What a test may set: the way jobs take, where they stop, what is refused and how large a file may be."""

    url: str = ""
    s3_url: str = ""
    way: tuple[tuple[str, str], ...] = WAY
    stop_after: str | None = None
    events_per_look: int = 100
    limits: dict[str, int] = field(
        default_factory=lambda: {"max_upload_bytes": 5_000_000, "max_text_chars": 10_000, "max_filename_chars": 200}
    )
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    granted: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, list[int]] = field(default_factory=dict)
    """Per call, such as "POST /api/jobs", the next answers' statuses; 0 does the work but cuts the answer off."""
    uploads_may_end: threading.Event = field(default_factory=threading.Event)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.uploads_may_end.set()

    def next_failure(self, call: str) -> int | None:
        statuses = self.failing.get(call)
        return statuses.pop(0) if statuses else None

    def new_id(self) -> str:
        millis = int(time.time() * 1000)
        return f"{millis >> 16:08x}-{millis & 0xFFFF:04x}-7000-8000-{next(self._ids):012x}"

    def grant_upload(self, body: dict[str, Any]) -> dict[str, Any]:
        job_id = self.new_id()
        self.granted[job_id] = body
        fields = {"key": f"inputs/anonymous/{job_id}/{body['filename']}", "policy": "a-policy"}
        return {"job_id": job_id, "upload": {"url": f"{self.s3_url}/uploads", "fields": fields}, "expires_at": now()}

    def create_job(self, body: dict[str, Any]) -> dict[str, Any]:
        job_id, text = body["job_id"], body["input_text"]
        if job_id in self.jobs:
            return self.jobs[job_id].record
        name = self.granted[job_id]["filename"]
        key = f"inputs/anonymous/{job_id}/{name}"
        if key not in self.stored:
            raise Problem(HTTPStatus.CONFLICT, "upload_missing", "No file was uploaded for this job.")
        if "forbidden" in text:
            errors = [{"field": "input_text", "message": "This word is not accepted."}]
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", "The request is not valid.", errors=errors
            )
        return self.add_job(job_id, name, text, self.stored[key]).record

    def add_job(self, job_id: str, name: str, text: str, content: bytes) -> FakeJob:
        record: dict[str, Any] = {
            "id": job_id,
            "owner": "anonymous",
            "status": "queued",
            "filename": name,
            "input_text": text,
            "input_file_path": f"uploads/inputs/anonymous/{job_id}/{name}",
            "output_file_path": None,
            "created_at": now(),
            "updated_at": now(),
            "attempts": 1,
            "timeline": [],
            "error": None,
            "size": len(content),
        }
        gap = b"\n" if content and not content.endswith(b"\n") else b""
        job = self.jobs[job_id] = FakeJob(record, content + gap + text.encode(), list(self.way))
        job.happen("queued", "")
        return job

    def add_finished_job(self, name: str) -> str:
        job = self.add_job(self.new_id(), name, "a text", b"content")
        while job.to_come:
            job.happen(*job.to_come.pop(0))
        return str(job.record["id"])

    def list_jobs(self, limit: int, cursor: str | None) -> dict[str, Any]:
        ids = sorted((job_id for job_id in self.jobs if cursor is None or job_id < cursor), reverse=True)
        page = ids[:limit]
        records = [self.jobs[job_id].record for job_id in page]
        return {"jobs": records, "next_cursor": page[-1] if len(ids) > limit else None}

    def find(self, job_id: str) -> FakeJob:
        if job_id not in self.jobs:
            raise Problem(HTTPStatus.NOT_FOUND, "job_not_found", "There is no job with this id.")
        return self.jobs[job_id]

    def look_at(self, job_id: str) -> dict[str, Any]:
        job = self.find(job_id)
        for _ in range(self.events_per_look):
            if job.to_come and job.record["timeline"][-1]["event"] != self.stop_after:
                job.happen(*job.to_come.pop(0))
        return job.record

    def read_log(self, job_id: str, after: str | None) -> dict[str, Any]:
        first = int(after or 0)
        lines = self.find(job_id).log[first:]
        return {"lines": lines, "next": str(first + len(lines)) if lines else None}

    def cancel(self, job_id: str) -> dict[str, Any]:
        job = self.find(job_id)
        if job.record["status"] in {"succeeded", "failed", "cancelled"}:
            raise Problem(HTTPStatus.CONFLICT, "job_over", "The job is over and cannot be cancelled any more.")
        job.happen("cancelled", "")
        job.to_come = [WAY[-1]]
        self.stop_after = None
        return job.record
