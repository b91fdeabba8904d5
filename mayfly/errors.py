"""What goes wrong.

MayflyError           3  ends a command with its exit code and its message, which says what to do
├── UsageProblem      2  this cannot be done as it was asked for, such as overwriting a file
├── JobApiError       3  the API, or S3, refused a request
├── NotAStack         3  something else answers
├── SignInProblem     3  not signed in, or signing in did not work
├── Incomplete           some of several jobs could not be dealt with; has the exit code of the first of them
├── NotEnded          4  the job goes on, but the time to wait for it is over
└── NotVerified       5  a job's files are not, or cannot be shown to be, those of its manifest
"""

from __future__ import annotations

import html
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a library that much can do without
    import httpx2 as httpx


class MayflyError(RuntimeError):
    exit_code = 3


class UsageProblem(MayflyError):
    exit_code = 2


class SignInProblem(MayflyError):
    pass


class Incomplete(MayflyError):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class NotEnded(MayflyError, TimeoutError):
    exit_code = 4


class NotVerified(MayflyError):
    exit_code = 5


class JobApiError(MayflyError):
    """The API refused a request; `status` and, of a problem document, `code` and `detail` say why."""

    def __init__(self, response: httpx.Response) -> None:
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = {}
        body = body if isinstance(body, dict) else {}
        self.status = response.status_code
        self.code = body.get("code", "")
        self.detail = body.get("detail") or body.get("message") or _said(response)
        request = response.request
        self.origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        super().__init__(f"{request.method} {request.url.path}: {self.status} {self.code} {self.detail}")

    @property
    def is_unauthorized(self) -> bool:
        return self.status == HTTPStatus.UNAUTHORIZED

    @property
    def is_server_error(self) -> bool:
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class NotAStack(MayflyError):
    """What answers at an address is something else."""

    def __init__(self, url: str) -> None:
        super().__init__(f"What answers at {url} is not a Mayfly stack. Check the address.")


def _said(response: httpx.Response) -> str:
    """The words of S3, of CloudFront, or of whatever else is not the API: never markup."""
    text = response.text
    found = re.search(r"<Message>([^<]+)</Message>", text) or re.search(r"<title>([^<]+)</title>", text, re.IGNORECASE)
    if found:
        text = " ".join(html.unescape(found[1]).split())
    elif not text.strip() or text.lstrip().startswith("<"):
        text = response.reason_phrase
    return text[:500]
