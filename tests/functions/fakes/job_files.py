"""The real files, over an S3 in memory."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from functions.aws.job_files import S3JobFiles
from functions.jobs.ports import StoredPart
from simulation.s3 import ARTIFACTS, OUTPUTS, S3, UPLOADS

_NONE: Mapping[str, bytes] = MappingProxyType({})


class MemoryJobFiles(S3JobFiles):
    """With these `objects`, by `bucket/key`; `deleted` are the jobs whose files were deleted."""

    s3: S3
    deleted: list[tuple[str, str]]

    def __init__(self, objects: Mapping[str, bytes] = _NONE) -> None:
        # The adapter's own attributes are frozen.
        vars(self).update(s3=S3(), deleted=[])
        super().__init__(self.s3.client, UPLOADS, OUTPUTS, ARTIFACTS, "payload")
        for path, body in objects.items():
            self.s3.put(path, body)

    @property
    def manifests(self) -> list[tuple[str, bytes]]:
        """Paths and bytes."""
        return [(path, body) for path, body in self.s3.objects.items() if path.startswith(f"{OUTPUTS}/manifests/")]

    def upload(self, key: str, body: bytes = b"abc") -> None:
        """What a browser does."""
        self.s3.put(f"{UPLOADS}/{key}", body)

    def upload_part(self, key: str, upload_id: str, part: StoredPart) -> None:
        listed = {"PartNumber": part.number, "Size": part.size, "ETag": part.etag}
        self.s3.uploads[key, upload_id][part.number] = listed

    def delete_job(self, owner: str, job_id: str) -> int:
        self.deleted.append((owner, job_id))
        return super().delete_job(owner, job_id)
