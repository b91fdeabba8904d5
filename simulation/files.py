"""Amazon S3, as the jobs' files need it: objects by path, and presigned URLs that name one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

from functions.jobs.ports import StoredObject, StoredOutput, UploadForm
from functions.jobs.s3_keys import input_prefix, manifest_prefix, output_prefix, spec_prefix
from simulation.calls import Calls

UPLOADS, OUTPUTS, ARTIFACTS = "uploads", "outputs", "artifacts"
_HOST = "https://s3.test/"


class SimulatedFiles:
    """functions.jobs.ports.JobFiles in memory.

    `objects` are the bytes by `bucket/key`; `on_store` hears of results and manifests as they are stored.
    """

    def __init__(self, calls: Calls) -> None:
        self.objects: dict[str, bytes] = {}
        self.on_store: list[Callable[[str, bytes], None]] = []
        self._inputs: dict[tuple[str, str], str] = {}
        self._calls = calls

    # What machines and browsers do

    def upload(self, owner: str, job_id: str, filename: str, body: bytes) -> None:
        """An input, as the browser stores it; it can be found by its job from then on."""
        path = f"{UPLOADS}/{input_prefix(owner, job_id)}{filename}"
        self.objects[path] = body
        self._inputs[owner, job_id] = path

    def fetch(self, url: str) -> bytes | None:
        return self.objects.get(_path(url))

    def store(self, url: str, body: bytes) -> None:
        path = _path(url)
        for observer in self.on_store:
            observer(path, body)
        self.objects[path] = body

    # The port

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm:  # noqa: ARG002  # the port's
        return UploadForm(_url(f"{UPLOADS}/{key}", expires_in), {"key": key})

    def find_input(self, owner: str, job_id: str) -> StoredObject | None:
        def effect() -> StoredObject | None:
            path = self._inputs.get((owner, job_id))
            return StoredObject(path, len(self.objects[path])) if path in self.objects else None

        return self._calls.make("s3:ListObjectsV2", effect)

    def input_url(self, path: str, expires_in: int) -> str:
        return _url(path, expires_in)

    def output_path(self, key: str) -> str:
        return f"{OUTPUTS}/{key}"

    def output_upload_url(self, key: str, expires_in: int) -> str:
        return _url(self.output_path(key), expires_in)

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str:  # noqa: ARG002  # the port's
        return _url(path, expires_in)

    def find_output(self, path: str) -> StoredOutput | None:
        body = self._calls.make("s3:HeadObject", lambda: self.objects.get(path))
        return None if body is None else StoredOutput(len(body), hashlib.md5(body, usedforsecurity=False).hexdigest())

    def put_manifest(self, key: str, body: bytes) -> str:
        path = f"{OUTPUTS}/{key}"

        def effect() -> str:
            for observer in self.on_store:
                observer(path, body)
            self.objects[path] = body
            return path

        return self._calls.make("s3:PutObject", effect)

    def manifest(self, path: str) -> bytes | None:
        return self._calls.make("s3:GetObject", lambda: self.objects.get(path))

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        def effect() -> str:
            self.objects[f"{ARTIFACTS}/{key}"] = body
            return _url(f"{ARTIFACTS}/{key}", expires_in)

        return self._calls.make("s3:PutObject", effect)

    def payload_url(self, expires_in: int) -> str:
        return _url(f"{ARTIFACTS}/payload", expires_in)

    def delete_job(self, owner: str, job_id: str) -> int:
        prefixes = (
            f"{UPLOADS}/{input_prefix(owner, job_id)}",
            f"{OUTPUTS}/{output_prefix(owner, job_id)}",
            f"{OUTPUTS}/{manifest_prefix(owner, job_id)}",
            f"{ARTIFACTS}/{spec_prefix(owner, job_id)}",
        )

        def effect() -> int:
            found = [path for path in self.objects if path.startswith(prefixes)]
            for path in found:
                del self.objects[path]
            return len(found)

        return self._calls.make("s3:DeleteObject", effect)


def _url(path: str, expires_in: int) -> str:
    return f"{_HOST}{quote(path)}?expires={expires_in}"


def _path(url: str) -> str:
    return unquote(urlsplit(url).path).removeprefix("/")
