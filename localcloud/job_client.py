"""The public HTTP API as the browser uses it: upload, submit, follow, download.

For the demo, the tests and the benchmarks; it knows nothing of AWS.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import httpx2 as httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

Job = dict[str, Any]

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
FIRST_POLL_SECONDS = 0.1
LAST_POLL_SECONDS = 1.0  # many waiting clients would otherwise be most of the load
REQUEST_SECONDS = 60.0


class JobApiError(RuntimeError):
    """The API refused a request; `status` and, of a problem document, `code` and `detail` say why."""

    def __init__(self, response: httpx.Response) -> None:
        try:
            body = response.json()
        except ValueError:
            body = {}
        body = body if isinstance(body, dict) else {}
        self.status = response.status_code
        self.code = body.get("code", "")
        self.detail = body.get("detail") or response.text[:500]
        request = response.request
        super().__init__(f"{request.method} {request.url.path}: {self.status} {self.code} {self.detail}")


class _Bearer(httpx.Auth):
    """Sends an access token, and asks for another one when the API does not take it any more: they are soon over."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._new_token = token
        self._token = token()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self._token = self._new_token()
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request


class JobClient:
    """Talks to one deployment; use it as a context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        token: Callable[[], str] | None = None,
        user: str | None = None,
        owner: str | None = None,
    ) -> None:
        """Opens connections as they are needed.

        Args:
            base_url: of the site.
            token: gives an access token to send to the API, at once and whenever the one before is over.
            user: whose tokens to get from the local cloud, in the place of `token`.
            owner: whose jobs to deal with, for an admin.

        Raises:
            JobApiError: the local cloud has no such user, or no sign-in.
        """
        self._http = httpx.Client(
            base_url=base_url,
            timeout=REQUEST_SECONDS,
            trust_env=False,
            params={"owner": owner} if owner else None,
        )
        # Presigned URLs are on other hosts, which must not see the token, and refuse requests that bring one.
        self._storage = httpx.Client(timeout=REQUEST_SECONDS, trust_env=False)
        if user is not None:
            token = partial(self._token_of, user)
        if token is not None:
            try:
                self._http.auth = _Bearer(token)
            except BaseException:
                self.close()  # nobody gets this client to close it
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()
        self._storage.close()

    def submit(self, source: Path | bytes, filename: str, text: str, content_type: str | None = None) -> Job:
        """Uploads a file and creates its job.

        Args:
            source: the file, streamed, or its content.
            filename: the name the job shall have for it.
            text: what is appended to the file's content.
            content_type: of the file, when known.

        Raises:
            JobApiError: the API or the upload refused.
        """
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        upload = self.request_upload(filename, size, content_type)
        self.upload(upload, source)
        return self.create(upload["job_id"], text)

    def request_upload(self, filename: str, size: int, content_type: str | None = None) -> dict[str, Any]:
        """`{job_id, upload: {url, fields}, expires_at}`."""
        body: dict[str, Any] = {"filename": filename, "size": size}
        if content_type:
            body["content_type"] = content_type
        return self._json(self._http.post("/api/uploads", json=body))

    def upload(self, upload: dict[str, Any], source: Path | bytes) -> None:
        """Sends the file to the presigned POST of an answer of `request_upload`."""
        form = upload["upload"]
        with ExitStack() as stack:
            content: BinaryIO = stack.enter_context(source.open("rb")) if isinstance(source, Path) else BytesIO(source)
            # The file comes last: S3 ignores the fields after it.
            response = self._storage.post(form["url"], data=form["fields"], files={"file": ("file", content)})
        if not response.is_success:
            raise JobApiError(response)

    def create(self, job_id: str, text: str) -> Job:
        return self._json(self._http.post("/api/jobs", json={"job_id": job_id, "input_text": text}))

    def get(self, job_id: str) -> Job:
        return self._json(self._http.get(f"/api/jobs/{job_id}"))

    def wait(self, job_id: str, timeout: float = 120.0) -> Job:
        """The job once it has ended, in whatever way.

        Raises:
            TimeoutError: it has not ended within `timeout` seconds; the message has its last state.
        """
        deadline = time.monotonic() + timeout
        pause = FIRST_POLL_SECONDS
        while (job := self.get(job_id))["status"] not in TERMINAL:
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} is still {job['status']} after {timeout:g} s: {job['timeline']}")
            time.sleep(pause)
            pause = min(pause * 1.3, LAST_POLL_SECONDS)
        return job

    def output(self, job_id: str) -> bytes:
        """The whole output of a succeeded job."""
        with self._storage.stream("GET", self.output_url(job_id)) as response:
            content = response.read()
            if not response.is_success:
                raise JobApiError(response)
        return content

    def save_output(self, job_id: str, path: Path) -> int:
        """Streams the output to a file and returns its size in bytes."""
        with self._storage.stream("GET", self.output_url(job_id)) as response, path.open("wb") as target:
            if not response.is_success:
                response.read()
                raise JobApiError(response)
            for chunk in response.iter_bytes():
                target.write(chunk)
            return target.tell()

    def page(self, limit: int = 20, cursor: str | None = None) -> dict[str, Any]:
        """`{jobs, next_cursor}`, newest first."""
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return self._json(self._http.get("/api/jobs", params=query))

    def log(self, job_id: str, after: str | None = None) -> dict[str, Any]:
        """`{lines: [{at, stream, text}], next}`."""
        return self._json(self._http.get(f"/api/jobs/{job_id}/log", params={"after": after} if after else None))

    def cancel(self, job_id: str) -> Job:
        return self._json(self._http.post(f"/api/jobs/{job_id}/cancel"))

    def retry(self, job_id: str) -> Job:
        return self._json(self._http.post(f"/api/jobs/{job_id}/retry"))

    def delete(self, job_id: str) -> None:
        response = self._http.delete(f"/api/jobs/{job_id}")
        if not response.is_success:
            raise JobApiError(response)

    def output_url(self, job_id: str) -> str:
        return str(self._json(self._http.get(f"/api/jobs/{job_id}/output"))["url"])

    def machines(self) -> list[dict[str, Any]]:
        """Every machine that the local cloud ever launched."""
        response = self._http.get("/_local/machines")
        if not response.is_success:
            raise JobApiError(response)
        machines: list[dict[str, Any]] = response.json()
        return machines

    def _token_of(self, user: str) -> str:
        answer = self._http.get("/_local/token", params={"user": user}, auth=None)
        return str(self._json(answer)["access_token"])

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        if not response.is_success:
            raise JobApiError(response)
        body: dict[str, Any] = response.json()
        return body
