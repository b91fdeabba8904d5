"""A job's objects, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.jobs.paths import input_prefix
from functions.jobs.ports import StoredObject, UploadForm


@dataclass
class FakeJobFiles:
    inputs: dict[str, bytes] = field(default_factory=dict)  # by key
    outputs: dict[str, bytes] = field(default_factory=dict)  # by path
    specs: dict[str, bytes] = field(default_factory=dict)  # by key
    deleted: list[tuple[str, str]] = field(default_factory=list)

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm:
        return UploadForm("https://uploads.test/", {"key": key, "Content-Type": content_type, "size": str(size)})

    def find_input(self, owner: str, job_id: str) -> StoredObject | None:
        for key, body in self.inputs.items():
            if key.startswith(input_prefix(owner, job_id)):
                return StoredObject(f"uploads/{key}", len(body))
        return None

    def input_url(self, path: str, expires_in: int) -> str:
        return f"https://s3.test/{expires_in}?input"

    def output_path(self, key: str) -> str:
        return f"outputs/{key}"

    def output_upload_url(self, key: str, expires_in: int) -> str:
        return f"https://s3.test/{expires_in}?output"

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str:
        return f"https://s3.test/{path}?{expires_in}"

    def output_size(self, path: str) -> int | None:
        return len(self.outputs[path]) if path in self.outputs else None

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        self.specs[key] = body
        return "https://s3.test/spec?signed"

    def payload_url(self, expires_in: int) -> str:
        return "https://s3.test/payload?signed"

    def delete_job(self, owner: str, job_id: str) -> None:
        self.deleted.append((owner, job_id))
