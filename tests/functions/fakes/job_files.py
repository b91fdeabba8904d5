"""A job's objects, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.jobs.ports import StoredObject, StoredOutput, StoredPart, UploadForm
from functions.jobs.s3_keys import input_prefix, object_key


@dataclass
class FakeJobFiles:
    inputs: dict[str, bytes] = field(default_factory=dict)  # by key
    outputs: dict[str, bytes] = field(default_factory=dict)  # by path
    specs: dict[str, bytes] = field(default_factory=dict)  # by key
    deleted: list[tuple[str, str]] = field(default_factory=list)
    manifests: list[tuple[str, bytes]] = field(default_factory=list)  # path and body, as they were written
    parts: dict[tuple[str, str], dict[int, StoredPart]] = field(default_factory=dict)  # by key and upload id

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm:
        return UploadForm("https://uploads.test/", {"key": key, "Content-Type": content_type, "size": str(size)})

    def begin_parts(self, key: str, content_type: str) -> str:
        upload_id = f"upload-{len(self.parts) + 1}"
        self.parts[key, upload_id] = {}
        return upload_id

    def part_url(self, key: str, upload_id: str, number: int, size: int, expires_in: int) -> str:
        return f"https://uploads.test/{key}?{upload_id}&{number}&{size}&{expires_in}"

    def stored_parts(self, key: str, upload_id: str) -> Sequence[StoredPart] | None:
        found = self.parts.get((key, upload_id))
        return None if found is None else [found[number] for number in sorted(found)]

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        stored = self.parts.get((key, upload_id), {})
        if [stored.get(part.number) for part in parts] != list(parts):
            return False
        del self.parts[key, upload_id]
        self.inputs[key] = bytes(sum(part.size for part in parts))
        return True

    def abort_parts(self, key: str, upload_id: str) -> None:
        self.parts.pop((key, upload_id), None)

    def copy_input(self, path: str, key: str) -> bool:
        source = object_key(path)
        if source in self.inputs:
            self.inputs[key] = self.inputs[source]
        return source in self.inputs

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
        return f"https://s3.test/{path}?{expires_in}&as={filename}"

    def find_output(self, path: str) -> StoredOutput | None:
        if path not in self.outputs:
            return None
        body = self.outputs[path]
        return StoredOutput(len(body), hashlib.md5(body, usedforsecurity=False).hexdigest())

    def put_manifest(self, key: str, body: bytes) -> str:
        self.manifests.append((f"outputs/{key}", body))
        return f"outputs/{key}"

    def manifest(self, path: str) -> bytes | None:
        return dict(self.manifests).get(path)

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        self.specs[key] = body
        return f"https://s3.test/spec?{expires_in}"

    def payload_url(self, expires_in: int) -> str:
        return f"https://s3.test/payload?{expires_in}"

    def delete_job(self, owner: str, job_id: str) -> int:
        self.deleted.append((owner, job_id))
        return 1
