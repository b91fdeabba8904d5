"""A file's way into S3: in one request, or large ones in parts."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from mayfly.client import JobClient
from mayfly.errors import JobApiError, UsageProblem
from mayfly.progress_reader import OnBytes, ProgressReader
from mayfly.retry import pause

PARTS_AT_ONCE = 4
# In a row, none of which got a single part stored.
ROUNDS_WITHOUT_PROGRESS = 6
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Part:
    """`size` bytes from `offset` on, and where they go."""

    number: int
    offset: int
    size: int
    url: str


class _Stopped(Exception):
    """The user has interrupted the upload."""


def upload_file(client: JobClient, path: Path, size: int, multipart_from_bytes: int, on_bytes: OnBytes) -> str:
    """Stores a file for a new job, and returns the job's id.

    Args:
        client: of the stack.
        path: the file; its name is the job's.
        size: of the file, in bytes.
        multipart_from_bytes: from this size on a file goes in parts.
        on_bytes: called with every few bytes that went, and with less than nothing for some that have to go again.

    Raises:
        UsageProblem: the file was changed meanwhile.
        JobApiError: the API or S3 refused.
        httpx.TransportError: the network was gone for too long.
    """
    in_parts = size >= multipart_from_bytes
    media_type, encoding = mimetypes.guess_type(path.name)
    upload = client.request_upload(path.name, size, None if encoding else media_type, multipart=in_parts)
    try:
        if in_parts:
            _PartsUpload(client, path, size, upload, on_bytes).run()
        else:
            client.upload(upload, path, on_bytes)
    except (httpx.TransportError, JobApiError) as error:
        if path.stat().st_size != size:
            raise _changed(path) from error
        raise
    return str(upload["job_id"])


class _PartsUpload:
    """Sends parts side by side, in rounds: a failure lets no part begin, and the next round sends what is missing."""

    def __init__(self, client: JobClient, path: Path, size: int, upload: dict[str, Any], on_bytes: OnBytes) -> None:
        self._client, self._path, self._size, self._on_bytes = client, path, size, on_bytes
        multipart = upload["multipart"]
        self._upload = (upload["job_id"], multipart["upload_id"], path.name)
        self._part_size: int = multipart["part_size"]
        self._first = self._parts(multipart["parts"])
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self) -> None:
        try:
            self._send_all()
            self._client.complete_parts(*self._upload, self._size)
        except BaseException:
            # What is stored costs until the bucket's lifecycle removes it, a day later.
            with suppress(httpx.TransportError, JobApiError):
                self._client.abort_parts(*self._upload)
            raise

    def _send_all(self) -> None:
        missing, failures = self._first, 0
        while missing:
            stored, error = self._round(missing)
            if error is None:
                return
            failures = 0 if stored else failures + 1
            if failures == ROUNDS_WITHOUT_PROGRESS:
                raise error
            pause(failures)
            with suppress(httpx.TransportError):  # the next round fails as well then
                # With new URLs: the old ones may have expired.
                missing = self._parts(self._client.missing_parts(*self._upload, self._size))

    def _round(self, parts: Sequence[Part]) -> tuple[int, Exception | None]:
        """How many parts were stored, and what kept another one from it."""
        with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
            sending = [pool.submit(self._send, part) for part in parts]
            try:
                wait(sending, return_when=FIRST_EXCEPTION)
            except BaseException:
                self._stop.set()
                raise
            finally:
                pool.shutdown(cancel_futures=True)
        errors = [each.exception() for each in sending if not each.cancelled()]
        stored = errors.count(None)
        for error in errors:
            if isinstance(error, (httpx.TransportError, JobApiError)):
                return stored, error
            if error is not None:
                raise error
        return stored, None

    def _send(self, part: Part) -> None:
        with self._path.open("rb") as file:
            reader = ProgressReader(file, self._count)
            try:
                self._client.put_part(part.url, self._chunks(reader, part), part.size)
            except BaseException:
                reader.rewind_progress()
                raise

    def _chunks(self, file: ProgressReader, part: Part) -> Iterator[bytes]:
        file.seek(part.offset)
        left = part.size
        while left:
            if self._stop.is_set():
                raise _Stopped
            chunk = file.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise _changed(self._path)
            left -= len(chunk)
            yield chunk

    def _count(self, more: int) -> None:
        with self._lock:
            self._on_bytes(more)

    def _parts(self, listed: Sequence[dict[str, Any]]) -> list[Part]:
        return [
            Part(each["number"], (each["number"] - 1) * self._part_size, each["size"], each["url"]) for each in listed
        ]


def _changed(path: Path) -> UsageProblem:
    return UsageProblem(f"{path} was changed while it was uploaded. Submit it again once nothing writes to it.")
