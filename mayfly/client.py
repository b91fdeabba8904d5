"""The public HTTP API as the browser uses it: upload, submit, follow, download."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import httpx2 as httpx

from mayfly import shapes
from mayfly.address import is_private
from mayfly.errors import JobApiError, NotAStack, NotEnded
from mayfly.http_client import http_client
from mayfly.job import TERMINAL, Job
from mayfly.progress_reader import OnBytes, ProgressReader, ignore_progress
from mayfly.retry import ATTEMPTS, with_retries

FIRST_POLL_SECONDS = 0.4
LAST_POLL_SECONDS = 1.0  # many waiting clients would otherwise be most of the load
REQUEST_SECONDS = 60.0


class _Bearer(httpx.Auth):
    """Sends an access token, and asks for another one when the API does not take it any more: they are soon over."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._new_token = token
        self._token = token()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            refused, self._token = self._token, self._new_token()
            if self._token != refused:
                request.headers["authorization"] = f"Bearer {self._token}"
                yield request


class JobClient:
    """Talks to one deployment; use it as a context manager.

    Every method raises JobApiError when it is refused, and httpx.TransportError when there is no answer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Callable[[], str] | None = None,
        owner: str | None = None,
        attempts: int = ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Opens connections as they are needed.

        Args:
            base_url: of the site.
            token: gives an access token to send to the API, at once and whenever the one before is over.
            owner: whose jobs to deal with, for an admin.
            attempts: how often to send what can be repeated without harm, as long as there is no proper answer.
            transport: what sends requests, in the place of the network.
        """
        self._attempts = attempts
        open_client = partial(http_client, base_url, timeout=REQUEST_SECONDS, transport=transport)
        self._http = open_client(base_url=base_url, params={"owner": owner} if owner else None)
        # Presigned URLs are on other hosts, which must not see the token, and refuse requests that bring one.
        self._storage = open_client()
        if token is not None:
            self._authorize(token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()
        self._storage.close()

    @property
    def url(self) -> str:
        return str(self._http.base_url)

    def limits(self) -> dict[str, Any]:
        """`{max_upload_bytes, max_text_chars, max_filename_bytes, multipart_from_bytes, ...}`, as the API says."""
        return self._json("GET", "/api/limits", shapes.LIMITS)

    def submit(self, source: Path | bytes, filename: str, text: str, content_type: str | None = None) -> Job:
        """Uploads a file in one request and creates its job.

        Args:
            source: the file, streamed, or its content.
            filename: the name the job shall have for it.
            text: what is appended to the file's content.
            content_type: of the file, when known.
        """
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        upload = self.request_upload(filename, size, content_type)
        self.upload(upload, source)
        return self.create(upload["job_id"], text)

    def request_upload(
        self, filename: str, size: int, content_type: str | None = None, *, multipart: bool = False
    ) -> dict[str, Any]:
        """`{job_id, upload: {url, fields} | null, multipart: {upload_id, part_size, parts} | null, expires_at}`."""
        body: dict[str, Any] = {"filename": filename, "size": size}
        if content_type:
            body["content_type"] = content_type
        if multipart:
            body["multipart"] = True
        return self._json("POST", "/api/uploads", shapes.UPLOAD, json=body)

    def upload(self, upload: dict[str, Any], source: Path | bytes, on_bytes: OnBytes = ignore_progress) -> None:
        """Sends the file to the presigned POST of an answer of `request_upload`."""
        self._accepted(with_retries(partial(self._post_form, upload["upload"], source, on_bytes), self._attempts))

    def _post_form(self, form: dict[str, Any], source: Path | bytes, on_bytes: OnBytes) -> httpx.Response:
        with ExitStack() as stack:
            content: BinaryIO = stack.enter_context(source.open("rb")) if isinstance(source, Path) else BytesIO(source)
            reader = ProgressReader(content, on_bytes)
            # The file comes last: S3 ignores the fields after it.
            files = {"file": ("file", cast("BinaryIO", reader))}
            try:
                response = self._storage.post(self._at_storage(form["url"]), data=form["fields"], files=files)
            except httpx.TransportError:
                reader.rewind_progress()
                raise
            if not response.is_success:
                reader.rewind_progress()
            return response

    def put_part(self, url: str, content: Iterator[bytes], size: int) -> None:
        """Sends exactly `size` bytes to the presigned URL of a part, once."""
        self._accepted(self._storage.put(self._at_storage(url), content=content, headers={"content-length": str(size)}))

    def missing_parts(self, job_id: str, upload_id: str, filename: str, size: int) -> list[dict[str, Any]]:
        """`[{number, size, url}]`, with new URLs."""
        body = {"upload_id": upload_id, "filename": filename, "size": size}
        parts = self._json("POST", f"/api/uploads/{job_id}/parts", shapes.PARTS, json=body)["parts"]
        return [part for part in parts if not part["stored"]]

    def complete_parts(self, job_id: str, upload_id: str, filename: str, size: int) -> None:
        body = {"upload_id": upload_id, "filename": filename, "size": size}
        self._accepted(self._sent("POST", f"/api/uploads/{job_id}/complete", json=body))

    def abort_parts(self, job_id: str, upload_id: str, filename: str) -> None:
        body = {"upload_id": upload_id, "filename": filename}
        self._accepted(self._sent("POST", f"/api/uploads/{job_id}/abort", json=body, once=True))

    def create(
        self, job_id: str, text: str, overrides: Mapping[str, str | int] | None = None, batch: str | None = None
    ) -> Job:
        """Creates the job of an uploaded file.

        `overrides` are `{instance_type, timeout_minutes}`, each only if it is asked for; `batch` is the id that jobs
        submitted together share.
        """
        body: dict[str, Any] = {"job_id": job_id, "input_text": text}
        if overrides:
            body["overrides"] = dict(overrides)
        if batch is not None:
            body["batch"] = batch
        return self._json("POST", "/api/jobs", shapes.JOB, json=body)

    def get(self, job_id: str) -> Job:
        return self._json("GET", f"/api/jobs/{job_id}", shapes.JOB)

    def wait(
        self,
        job_id: str,
        timeout: float | None = 120.0,
        *,
        longest_pause: float = LAST_POLL_SECONDS,
        on_read: Callable[[Job], None] = lambda _: None,
    ) -> Job:
        """The job once it has ended, in whatever way.

        Args:
            job_id: of a job that may have ended already.
            timeout: seconds; None is as long as it takes.
            longest_pause: seconds between two looks, in the end.
            on_read: called with what every look has found.

        Raises:
            NotEnded: it has not ended within `timeout` seconds; the message has its last state. A TimeoutError.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = min(FIRST_POLL_SECONDS, longest_pause)
        while (job := self.get(job_id))["status"] not in TERMINAL:
            on_read(job)
            if deadline is not None and time.monotonic() > deadline:
                raise NotEnded(f"job {job_id} is still {job['status']} after {timeout:g} s: {job['timeline']}")
            time.sleep(pause)
            pause = min(pause * 1.3, longest_pause)
        return job

    def output(self, job_id: str) -> bytes:
        """The whole output of a succeeded job."""
        with self.open_output(job_id) as response:
            return response.read()

    def manifest(self, job_id: str) -> bytes:
        """What a succeeded job's result was made of: JSON, byte by byte what the job's `manifest_sha256` is of."""
        return self._accepted(self._sent("GET", f"/api/jobs/{job_id}/manifest")).content

    @contextmanager
    def open_output(self, job_id: str, start: int = 0) -> Iterator[httpx.Response]:
        """The output from a byte on, or all of it with status 200 where that cannot be done; read it as it comes."""
        wanted = {"range": f"bytes={start}-"} if start else {}
        with self._storage.stream("GET", self.output_url(job_id), headers=wanted) as response:
            if not response.is_success:
                response.read()
                raise JobApiError(response)
            yield response

    def page(self, limit: int = 20, cursor: str | None = None, batch: str | None = None) -> dict[str, Any]:
        """`{jobs, next_cursor}`, newest first, of one batch if it is named; a page may be empty and not the last."""
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {}) | ({"batch": batch} if batch else {})
        return self._json("GET", "/api/jobs", shapes.PAGE, params=query)

    def log(self, job_id: str, after: str | None = None) -> dict[str, Any]:
        """`{lines: [{at, stream, text}], next}`."""
        return self._json("GET", f"/api/jobs/{job_id}/log", shapes.LOG, params={"after": after} if after else None)

    def cancel(self, job_id: str) -> Job:
        return self._json("POST", f"/api/jobs/{job_id}/cancel", shapes.JOB)

    def retry(self, job_id: str) -> Job:
        return self._json("POST", f"/api/jobs/{job_id}/retry", shapes.JOB, once=True)

    def delete(self, job_id: str) -> dict[str, Any]:
        """The receipt: `{id, deleted_at, objects, log_streams, final_at}`."""
        return self._json("DELETE", f"/api/jobs/{job_id}", shapes.RECEIPT, once=True)

    def output_url(self, job_id: str) -> str:
        return self._at_storage(self._json("GET", f"/api/jobs/{job_id}/output", shapes.OUTPUT)["url"])

    def _authorize(self, token: Callable[[], str]) -> None:
        try:
            self._http.auth = _Bearer(token)
        except BaseException:
            self.close()  # the caller never gets this client to close it
            raise

    def _sent(self, method: str, path: str, *, once: bool = False, **content: Any) -> httpx.Response:
        """The answer; `once` is for what another attempt would be refused for, were the first one's answer lost."""
        return with_retries(partial(self._http.request, method, path, **content), 1 if once else self._attempts)

    def _at_storage(self, url: str) -> str:
        """A presigned URL, unless what is sent there could be read on the way."""
        if not is_private(url):
            raise NotAStack(self.url)
        return url

    def _json(self, method: str, path: str, shape: shapes.Shape, **how: Any) -> dict[str, Any]:
        response = self._accepted(self._sent(method, path, **how))
        try:
            body: dict[str, Any] = response.json()
        except (ValueError, RecursionError) as error:
            raise NotAStack(self.url) from error
        if not shapes.fits(body, shape):
            raise NotAStack(self.url)
        return body

    @staticmethod
    def _accepted(response: httpx.Response) -> httpx.Response:
        if response.is_redirect or response.is_informational:
            raise NotAStack(str(response.request.url.copy_with(raw_path=b"/")))
        if not response.is_success:
            raise JobApiError(response)
        return response
