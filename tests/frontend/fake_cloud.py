"""A stand-in for the API and S3, for the page's behaviour alone: it runs no script and proves nothing about the cloud.

A job moves on whenever the page asks for it, so that a test never waits for a clock.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from tests.frontend.fake_sign_in import FakeSignIn

# `{machine}` stands for the id of the machine that an event is about.
LAUNCHED = ("launched", "{machine}: t4g.micro, on-demand, in eu-central-1a.")
RUNNING = ("running", "{machine} is online and has its command.")
TERMINATED = ("machine_terminated", "{machine} is confirmed terminated.")
WAY = (
    LAUNCHED,
    RUNNING,
    ("input_downloaded", "The machine has the file."),
    ("script_started", "The script runs."),
    ("script_finished", "The script has ended."),
    ("output_uploaded", "The result is stored."),
    ("succeeded", "The result has 18 bytes."),
    TERMINATED,
)
FAILING_WAY = (*WAY[:5], ("failed", "The script ended with exit code 3."), TERMINATED)
REFUSED_WAY = (
    ("launch_refused", "t4g.micro, on-demand, subnet-0a1b2c3d4e5f60718: InsufficientInstanceCapacity."),
    ("launch_refused", "t4g.micro, on-demand, subnet-1a1b2c3d4e5f60718: InsufficientInstanceCapacity."),
    *WAY,
)
LOSING_WAY = (LAUNCHED, RUNNING, ("machine_lost", "{machine} is gone before the script was done."), TERMINATED, *WAY)
ANONYMOUS = "anonymous"
STATUS_AFTER = {
    "launched": "launching",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "retried": "queued",
}
SCRIPT_FAILED: dict[str, Any] = {
    "code": "script_failed",
    "message": "The script ended with exit code 3.\nThe end of its stderr:\ncannot read line 7: <b>not</b> a number",
    "advice": "Correct the file or the script, then submit again. Trying again unchanged will not help.",
    "actor": "the script's author",
    "retry_helps": False,
}
MACHINE_LOST: dict[str, Any] = {
    "code": "machine_lost",
    "message": "The machine disappeared while the script was running, in every attempt.",
    "advice": "Submit again. Trying again can help.",
    "actor": "nobody",
    "retry_helps": True,
}


class Problem(Exception):
    def __init__(self, status: HTTPStatus, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code}
        self.body |= more


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def content_of(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def canonical(document: dict[str, Any]) -> bytes:
    """As the API writes a manifest."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass
class FakeJob:
    record: dict[str, Any]
    output: bytes
    error: dict[str, Any]
    to_come: list[tuple[str, str]]
    log: list[dict[str, str]] = field(default_factory=list)
    serial: int = 0
    input: bytes = b""

    @property
    def manifest(self) -> dict[str, Any]:
        """What the API answers once the job has succeeded; of what the machine read and stored."""
        machine = self.record["machines"][-1]
        return {
            "version": 1,
            **{name: self.record[name] for name in ("owner", "filename", "run")},
            "job_id": self.record["id"],
            "attempt": machine["attempt"],
            "input": content_of(self.input),
            "text": content_of(self.record["input_text"].encode()),
            "output": content_of(self.output) | {"md5": hashlib.md5(self.output, usedforsecurity=False).hexdigest()},
            "payload_sha256": hashlib.sha256().hexdigest(),
            "command": ["./script.py"],
            "machine": {
                name: machine[name]
                for name in ("instance_id", "image_id", "instance_type", "market", "zone", "launched_at")
            },
            "python": "3.9.25",
            "script_started_at": machine["launched_at"],
            "script_finished_at": machine["launched_at"],
            "mayfly": "0.1.0",
        }

    @property
    def alive(self) -> list[dict[str, Any]]:
        """Its machines that are not confirmed terminated."""
        return [machine for machine in self.record["machines"] if machine["terminated_at"] is None]

    def happen(self, event: str, detail: str) -> None:
        machine = self._machine_of(event)
        detail = detail.replace("{machine}", machine["instance_id"] if machine else "")
        self.record["timeline"].append({"event": event, "at": now(), "detail": detail})
        self.record["status"] = STATUS_AFTER.get(event, self.record["status"])
        self.record["updated_at"] = now()
        self.record["cost"] = self._cost()
        if event == "failed":
            self.record["error"] = self.error
            self.log.append({"at": now(), "stream": "stderr", "text": "cannot read line 7"})
        if event == "script_started":
            self.log.append({"at": now(), "stream": "stdout", "text": "<b>appending</b> the text"})
        if event == "succeeded":
            path = f"outputs/anonymous/{self.record['id']}/1/{self.record['filename']}"
            self.record |= {"output_file_path": path, "output_size": len(self.output)}
            self.record["manifest_sha256"] = hashlib.sha256(canonical(self.manifest)).hexdigest()
        if event == "retried":
            self.record["error"] = None
            self.log.clear()

    def _cost(self) -> dict[str, Any]:
        """As if each machine lived a minute."""
        machines = self.record["machines"]
        is_final = self.record["status"] in {"succeeded", "failed", "cancelled"} and not self.alive
        return {
            "usd": f"{len(machines) * 2_096 / 1_000_000:.6f}",
            "min_usd": f"{len(machines) * 1_029 / 1_000_000:.6f}",
            "is_final": is_final,
            "machine_seconds": 60 * len(machines),
        }

    def print(self, *lines: str) -> None:
        self.log += [{"at": now(), "stream": "stdout", "text": line} for line in lines]

    def _machine_of(self, event: str) -> dict[str, Any] | None:
        if event == "launched":
            return self._launch()
        if event == "machine_terminated":
            machine = self.alive[0]
            words = "EC2 answered the workflow that the instance is terminated"
            machine |= {"terminated_at": now(), "verified": words}
            return machine
        return self.record["machines"][-1] if self.record["machines"] else None

    def _launch(self) -> dict[str, Any]:
        attempt = self.record["attempts"] = self.record["attempts"] + 1
        machine = {
            "instance_id": f"i-0f1e2d3c4b5a{self.serial:03x}{attempt:02x}",
            "run": self.record["run"],
            "attempt": attempt,
            "instance_type": "t4g.micro",
            "market": "on-demand",
            "zone": "eu-central-1a",
            "image_id": "ami-0a9b8c7d6e5f43210",
            "launched_at": now(),
            "terminated_at": None,
            "verified": None,
            "prepared_at": None,
        }
        self.record["machines"].append(machine)
        return machine


@dataclass
class FakeMultipartUpload:
    key: str
    size: int
    part_size: int
    job_id: str
    stored: dict[int, bytes] = field(default_factory=dict)

    def sizes(self) -> dict[int, int]:
        """Bytes of each part, by its number."""
        starts = range(0, self.size, self.part_size)
        return {number: min(self.part_size, self.size - start) for number, start in enumerate(starts, 1)}


@dataclass
class FakeCloud:
    """What a test may set: the way jobs take, how they fail, where they stop, and what the API refuses."""

    url: str = ""
    s3_url: str = ""
    sign_in: FakeSignIn | None = None
    way: tuple[tuple[str, str], ...] = WAY
    error: dict[str, Any] = field(default_factory=lambda: SCRIPT_FAILED)
    stop_after: str | None = None
    events_per_look: int = 100
    limits: dict[str, Any] = field(
        default_factory=lambda: {
            "max_upload_bytes": 5_000_000,
            "max_text_chars": 10_000,
            "max_filename_bytes": 255,
            "multipart_from_bytes": 4_000_000,
            "allowed_instance_types": [],
            "job_timeout_minutes": 60,
            "max_job_timeout_minutes": 60,
            "output_suffix": "",
            "price": {
                "instance_type": "t4g.micro",
                "market": "on-demand",
                "usd_per_hour": "0.026287",
                "machine_usd_per_hour": "0.019200",
                "usd_per_minute": "0.000439",
                "max_usd_per_minute": "0.001505",
                "max_usd_per_job": "0.931692",
            },
        }
    )
    part_size: int = 1_000_000
    multipart: dict[str, FakeMultipartUpload] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)
    grant: int = 0
    """Addresses of parts that name an earlier one have expired."""
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    unrecorded: list[dict[str, Any]] = field(default_factory=list)
    """Machines that hold a slot but have not got into their job's record."""
    stored: dict[str, bytes] = field(default_factory=dict)
    granted: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, list[int]] = field(default_factory=dict)
    """Per call, such as "POST /api/jobs", the next answers' statuses; 0 does the work but cuts the answer off."""
    uploads_may_end: threading.Event = field(default_factory=threading.Event)
    first_held_part: int = 1
    """The parts before this one need not wait for `uploads_may_end`."""
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
        key = f"inputs/anonymous/{job_id}/{body['filename']}"
        answer = {"job_id": job_id, "upload": None, "multipart": None, "expires_at": now()}
        if body.get("multipart"):
            upload_id = f"upload-of-{job_id}"
            self.multipart[upload_id] = FakeMultipartUpload(key, body["size"], self.part_size, job_id)
            parts = [{name: part[name] for name in ("number", "size", "url")} for part in self.list_parts(upload_id)]
            return answer | {"multipart": {"upload_id": upload_id, "part_size": self.part_size, "parts": parts}}
        return answer | {"upload": {"url": f"{self.s3_url}/uploads", "fields": {"key": key, "policy": "a-policy"}}}

    def list_parts(self, upload_id: str) -> list[dict[str, Any]]:
        upload = self.multipart[upload_id]
        address = f"{self.s3_url}/uploads?uploadId={upload_id}&grant={self.grant}&partNumber="
        return [
            {"number": number, "size": size, "url": None if stored else f"{address}{number}", "stored": stored}
            for number, size in upload.sizes().items()
            for stored in [number in upload.stored]
        ]

    def missing_parts(self, body: dict[str, Any]) -> dict[str, Any]:
        upload_id = body["upload_id"]
        if upload_id not in self.multipart:
            raise Problem(HTTPStatus.NOT_FOUND, "upload_not_found", "There is no such unfinished upload.")
        parts = self.list_parts(upload_id)
        return {"upload_id": upload_id, "part_size": self.part_size, "parts": parts, "expires_at": now()}

    def complete_upload(self, body: dict[str, Any]) -> None:
        upload_id = body["upload_id"]
        if upload_id in self.completed:
            return
        upload = self.multipart[upload_id]
        if upload.sizes() != {number: len(part) for number, part in upload.stored.items()}:
            raise Problem(HTTPStatus.CONFLICT, "upload_incomplete", "Parts are missing.")
        self.stored[upload.key] = b"".join(part for _, part in sorted(upload.stored.items()))
        self.completed.add(upload_id)
        del self.multipart[upload_id]

    def copy_input(self, job_id: str) -> dict[str, Any]:
        record = self.find(job_id).record
        copy, name = self.new_id(), record["filename"]
        self.granted[copy] = {"filename": name, "size": record["size"]}
        self.stored[f"inputs/anonymous/{copy}/{name}"] = self.stored[f"inputs/anonymous/{job_id}/{name}"]
        return {"job_id": copy, "expires_at": now()}

    def delete(self, job_id: str) -> None:
        if self.find(job_id).record["status"] not in {"succeeded", "failed", "cancelled"}:
            raise Problem(HTTPStatus.CONFLICT, "not_ready", "The job has not ended; cancel it before deleting it.")
        del self.jobs[job_id]

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
        job = self.add_job(job_id, name, text, self.stored[key])
        job.record["overrides"] |= body.get("overrides") or {}
        job.record["batch"] = body.get("batch")
        return job.record

    def add_job(self, job_id: str, name: str, text: str, content: bytes) -> FakeJob:
        record: dict[str, Any] = {
            "id": job_id,
            "owner": ANONYMOUS,
            "status": "queued",
            "filename": name,
            "output_filename": name,
            "input_text": text,
            "input_file_path": f"uploads/inputs/anonymous/{job_id}/{name}",
            "output_file_path": None,
            "created_at": now(),
            "updated_at": now(),
            "output_size": None,
            "manifest_sha256": None,
            "run": 1,
            "attempts": 0,
            "overrides": {"instance_type": None, "timeout_minutes": None},
            "batch": None,
            "machines": [],
            "timeline": [],
            "error": None,
            "size": len(content),
            "cost": None,
        }
        gap = b"\n" if content and not content.endswith(b"\n") else b""
        self.stored[f"inputs/anonymous/{job_id}/{name}"] = content
        job = self.jobs[job_id] = FakeJob(
            record, content + gap + text.encode(), self.error, list(self.way), serial=len(self.jobs), input=content
        )
        job.happen("queued", "Waiting for a machine.")
        return job

    def add_finished_job(self, name: str) -> str:
        job = self.add_job(self.new_id(), name, "a text", b"content")
        while job.to_come:
            job.happen(*job.to_come.pop(0))
        return str(job.record["id"])

    def list_jobs(
        self, limit: int, cursor: str | None, batch: str | None = None, owner: str | None = None
    ) -> dict[str, Any]:
        records = {job_id: job.record for job_id, job in self.jobs.items()}
        wanted = [
            job_id
            for job_id, record in records.items()
            if batch in {None, record["batch"]} and record["owner"] == (owner or ANONYMOUS)
        ]
        ids = sorted((job_id for job_id in wanted if cursor is None or job_id < cursor), reverse=True)
        page = ids[:limit]
        return {"jobs": [records[job_id] for job_id in page], "next_cursor": page[-1] if len(ids) > limit else None}

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
        job.happen("cancelled", "Cancelled on request.")
        job.to_come = [TERMINATED] * len(job.alive)
        return job.record

    def retry(self, job_id: str) -> dict[str, Any]:
        job = self.find(job_id)
        if job.record["status"] not in {"failed", "cancelled"}:
            raise Problem(HTTPStatus.CONFLICT, "not_ready", "Only a failed or cancelled job can be retried.")
        job.record["run"] += 1
        job.happen("retried", f"Waiting for a machine again, run {job.record['run']}.")
        job.to_come = [*[TERMINATED] * len(job.alive), *self.way]
        return job.record

    def list_machines(self) -> dict[str, Any]:
        names = ("instance_id", "instance_type", "zone", "launched_at")
        alive = [
            {"job_id": job_id} | {name: machine[name] for name in names}
            for job_id, job in self.jobs.items()
            for machine in job.alive
        ]
        return {"alive": [*self.unrecorded, *alive]}

    def list_owners(self) -> dict[str, Any]:
        """As an admin is answered; each owner has spent a minute's cost."""
        alive = Counter[str]()
        for job in self.jobs.values():
            alive[job.record["owner"]] += len(job.alive)
        return {"owners": [{"owner": one, "machines_alive": alive[one], "usd": "0.002096"} for one in alive]}
