"""How a file gets to where its job finds it: by a form, in parts, or as a copy of another job's file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from functions.jobs import clock
from functions.jobs.errors import FileTooLarge, InvalidRequest, UploadIncomplete, UploadMissing, UploadNotFound
from functions.jobs.ids import is_job_id
from functions.jobs.job import Job
from functions.jobs.ports import JobFiles, StoredPart, UploadForm
from functions.jobs.s3_keys import checked_filename, input_key, object_key
from functions.submission.quotas import Quotas, UsageTable

UPLOAD_SECONDS = 3600
# What an interrupted upload has to send again is parts that were under way, four at most: so they are small.
# S3 takes at most 10,000 parts of at least 5 MiB, the last one apart (S3 user guide, "Multipart upload limits").
PART_BYTES = 8 * 1024 * 1024
# From here on clients should upload in parts: below, a form is one request where parts are a dozen.
MULTIPART_FROM_BYTES = 100 * 1024 * 1024
# S3 copies within a request, some 80 MB a second, and API Gateway waits for no answer longer than half a minute.
MAX_COPY_BYTES = 1024 * 1024 * 1024
# How many missing parts an error names; the others are counted.
_NAMED_PARTS = 20


@dataclass(frozen=True)
class UploadTicket:
    job_id: str
    form: UploadForm
    expires_at: str


@dataclass(frozen=True)
class Part:
    """A part to send: exactly `size` bytes by PUT to `url`, which is None for one that is stored already."""

    number: int
    size: int
    url: str | None

    @property
    def stored(self) -> bool:
        return self.url is None


@dataclass(frozen=True)
class MultipartTicket:
    job_id: str
    upload_id: str
    parts: tuple[Part, ...]
    expires_at: str


@dataclass(frozen=True)
class CopyTicket:
    """`expires_at` is until when the copy is kept."""

    job_id: str
    expires_at: str


@dataclass(frozen=True)
class Uploads:
    """Files on their way to jobs that do not exist yet.

    Nothing but an owner's sum of bytes is kept between the calls, and that only where there is a quota: an upload's key
    is derived from its owner, the job's id and the file's name, so an upload id is useless
    to other owners.
    """

    files: JobFiles
    usage: UsageTable
    max_bytes: int
    keep_days: int
    new_id: Callable[[], str]
    quotas: Quotas

    def request_form(self, owner: str, filename: str, size: int, content_type: str) -> UploadTicket:
        """A presigned POST for exactly one key and exactly `size` bytes.

        Raises:
            FileTooLarge, InvalidRequest, UploadQuota
        """
        self._check_size(size)
        job_id = self.new_id()
        key = input_key(owner, job_id, checked_filename(filename))
        self._count(owner, size)
        form = self.files.upload_form(key, size, content_type, UPLOAD_SECONDS)
        return UploadTicket(job_id, form, clock.after(timedelta(seconds=UPLOAD_SECONDS)))

    def begin(self, owner: str, filename: str, size: int, content_type: str) -> MultipartTicket:
        """A multipart upload and a URL for each of its parts.

        Raises:
            FileTooLarge, InvalidRequest, UploadQuota
        """
        sizes = self._part_sizes(size)
        job_id = self.new_id()
        key = input_key(owner, job_id, checked_filename(filename))
        self._count(owner, size)
        upload_id = self.files.begin_parts(key, content_type)
        return self._ticket(job_id, key, upload_id, sizes, {})

    def resume(self, owner: str, job_id: str, upload_id: str, filename: str, size: int) -> MultipartTicket:
        """The same upload again, with fresh URLs for the parts that are not stored, which count as an upload.

        Raises:
            FileTooLarge, InvalidRequest, UploadQuota
            UploadNotFound: it was completed or aborted, or there never was one.
        """
        sizes = self._part_sizes(size)
        key = self._key(owner, job_id, filename)
        stored = self.files.stored_parts(key, upload_id)
        if stored is None:
            raise _not_found(job_id)
        known = {part.number: part for part in stored}
        # What size the upload was begun with is not known any more.
        self._count(owner, sum(part for number, part in sizes.items() if not _is_stored_part(known, number, part)))
        return self._ticket(job_id, key, upload_id, sizes, known)

    def complete(self, owner: str, job_id: str, upload_id: str, filename: str, size: int) -> None:
        """Makes the parts one file of exactly `size` bytes; once that is done, doing it again changes nothing.

        Raises:
            FileTooLarge, InvalidRequest, UploadNotFound
            UploadIncomplete: some are not stored, or not in the size that the file's size asks for.
        """
        sizes = self._part_sizes(size)
        key = self._key(owner, job_id, filename)
        stored = self.files.stored_parts(key, upload_id)
        if stored is None:
            if not self._is_stored(owner, job_id, key, size):
                raise _not_found(job_id)
            return
        found = {part.number: part for part in stored}
        missing = [number for number, part in sizes.items() if not _is_stored_part(found, number, part)]
        if missing:
            raise UploadIncomplete(
                f"These parts are not stored: {_named(missing)}. POST .../parts answers where to.", field="upload_id"
            )
        joined = self.files.join_parts(key, upload_id, [found[number] for number in sizes])
        # A concurrent call, or an earlier one whose response was lost, has done it.
        if not joined and not self._is_stored(owner, job_id, key, size):
            raise UploadIncomplete("The upload changed while it was completed; try again.", field="upload_id")

    def abort(self, owner: str, job_id: str, upload_id: str, filename: str) -> None:
        """Frees what is stored of an upload; one that is not there is no error.

        Raises:
            InvalidRequest
        """
        name = checked_filename(filename)
        if is_job_id(job_id):
            self.files.abort_parts(input_key(owner, job_id, name), upload_id)

    def copy(self, job: Job, owner: str) -> CopyTicket:
        """A copy of a job's file, for a new job of this owner's.

        Raises:
            UploadMissing: the file is not kept any more.
            FileTooLarge: for a copy; it has to be uploaded again.
            UploadQuota
        """
        file = self.files.find_input(job.owner, job.id)
        if file is not None and file.size > MAX_COPY_BYTES:
            raise FileTooLarge(
                f"The file has {file.size:,} bytes; at most {MAX_COPY_BYTES:,} can be copied. Upload it again.",
                field="job_id",
            )
        if file is not None:
            self._count(owner, file.size, "job_id")
        job_id = self.new_id()
        if file is None or not self.files.copy_input(file.path, input_key(owner, job_id, job.filename)):
            raise UploadMissing(f"The file of job {job.id} is not kept any more; upload it again.", field="job_id")
        return CopyTicket(job_id, clock.after(timedelta(days=self.keep_days)))

    def _count(self, owner: str, size: int, field_name: str = "size") -> None:
        self.quotas.count_upload(self.usage, owner, size, field_name)

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            raise FileTooLarge(
                f"The file has {size:,} bytes; this stack takes at most {self.max_bytes:,}.", field="size"
            )

    def _part_sizes(self, size: int) -> dict[int, int]:
        self._check_size(size)
        return part_sizes(size)

    def _key(self, owner: str, job_id: str, filename: str) -> str:
        name = checked_filename(filename)
        if not is_job_id(job_id):
            raise _not_found(job_id)
        return input_key(owner, job_id, name)

    def _is_stored(self, owner: str, job_id: str, key: str, size: int) -> bool:
        file = self.files.find_input(owner, job_id)
        return file is not None and (object_key(file.path), file.size) == (key, size)

    def _ticket(
        self, job_id: str, key: str, upload_id: str, sizes: dict[int, int], stored: dict[int, StoredPart]
    ) -> MultipartTicket:
        def url(number: int, part_size: int) -> str | None:
            if _is_stored_part(stored, number, part_size):
                return None
            return self.files.part_url(key, upload_id, number, part_size, UPLOAD_SECONDS)

        parts = tuple(Part(number, part, url(number, part)) for number, part in sizes.items())
        return MultipartTicket(job_id, upload_id, parts, clock.after(timedelta(seconds=UPLOAD_SECONDS)))


def _is_stored_part(stored: dict[int, StoredPart], number: int, size: int) -> bool:
    return number in stored and stored[number].size == size


def part_sizes(size: int) -> dict[int, int]:
    """The size of each part of a file, in bytes, by number; the last one has the rest.

    Raises:
        InvalidRequest: an empty file has no part.
    """
    if size < 1:
        raise InvalidRequest("An empty file has no parts; ask for a form.", field="size")
    starts = range(0, size, PART_BYTES)
    return {number: min(PART_BYTES, size - start) for number, start in enumerate(starts, start=1)}


def _named(numbers: list[int]) -> str:
    named, others = numbers[:_NAMED_PARTS], len(numbers) - _NAMED_PARTS
    return ", ".join(map(str, named)) + (f" and {others} more" if others > 0 else "")


def _not_found(job_id: str) -> UploadNotFound:
    return UploadNotFound(
        f"There is no such upload for job {job_id[:64]!r}: it was completed or aborted, or it is a day old.",
        field="upload_id",
    )
