"""One HTTP call on a presigned URL, and the decision whether its failure is worth another try.

`http.client` is used directly: bodies stream with a Content-Length and never chunked (S3 refuses chunked presigned
PUTs), the system's certificates are checked, and proxies named by the environment are not used. A presigned URL is
made for a machine with its own way to S3; a stray proxy variable must not see the URL, which is a credential.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import http.client
import random
import re
import ssl
import time
import urllib.parse
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 60
"""Longest silence of the other side, in seconds, before the connection counts as broken."""
DELAYS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8.0, 8.0)
"""Waits between tries, in seconds, each shortened by up to half at random."""
MAX_ERROR_BODY = 16 << 10


class TransferError(Exception):
    """Final: another try with the same URL would not help."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.expired = expired


class UnavailableError(Exception):
    """Broken connection or overloaded server: try again."""


class Retries:
    """Waits before each further try and gives up when `DELAYS_S` is used up without progress.

    With `patience_s` it goes on with the last of them until so many seconds have passed since the first failure.
    """

    def __init__(self, url: str, patience_s: float = 0) -> None:
        self._url = url
        self._patience_s = patience_s
        self._failures = 0
        self._since = 0.0

    def progress(self) -> None:
        """Bytes have arrived: a long transfer over a poor connection may break any number of times."""
        self._failures = 0

    def wait(self, error: UnavailableError) -> None:
        """Sleeps.

        Raises:
            TransferError: tries are used up, or the URL has expired meanwhile.
        """
        if expired_by_now(self._url):
            raise TransferError(f"{error}; the URL has expired", expired=True) from error
        if not self._failures:
            self._since = time.monotonic()
        if self._failures >= len(DELAYS_S) and time.monotonic() - self._since >= self._patience_s:
            raise TransferError(f"{error} (tried {self._failures + 1} times)") from error
        delay = DELAYS_S[min(self._failures, len(DELAYS_S) - 1)]
        self._failures += 1
        time.sleep(delay * random.uniform(0.5, 1))  # noqa: S311 - jitter, not cryptography


@contextlib.contextmanager
def connection(url: str) -> Iterator[tuple[http.client.HTTPConnection, str]]:
    """A connection to the URL's host (opened at the first request) and the request target."""
    parts = urllib.parse.urlsplit(url)
    opened: http.client.HTTPConnection
    with network():
        if parts.scheme == "https":
            opened = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=TIMEOUT_S, context=_tls_context()
            )
        else:
            opened = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    with contextlib.closing(opened):
        yield opened, urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))


@functools.lru_cache(maxsize=None)
def _tls_context() -> ssl.SSLContext:
    """One for all connections: the system's certificates take some 20 ms of processor time to read."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # as http.client does with a context of its own
    return context


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Turns connection errors into `UnavailableError`; only socket work goes inside, so that a full disk stays one."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TransferError(f"the server's certificate is not trusted ({error.verify_message})") from error
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"connection broken ({type(error).__name__}: {error})") from error


def check_status(response: http.client.HTTPResponse, url: str) -> None:
    """Returns if the status is 2xx.

    Raises:
        UnavailableError: 5xx, throttling, or S3's RequestTimeout, which is a 400.
        TransferError: anything else; `expired` as S3 reports it: AccessDenied "Request has expired" for the URL's own
            time, ExpiredToken (a 400) when the credentials that signed it have ended.
    """
    if 200 <= response.status < 300:  # noqa: PLR2004
        return
    with network():
        body = response.read(MAX_ERROR_BODY).decode("utf-8", "replace")
    code, text = _element("Code", body), _element("Message", body)
    message = " ".join(part for part in (f"HTTP {response.status}", code, text) if part)
    if response.status >= 500 or response.status in (408, 429) or code in ("RequestTimeout", "SlowDown"):  # noqa: PLR2004
        raise UnavailableError(message)
    if response.status >= 400:  # noqa: PLR2004
        refused = response.status in (400, 401, 403)
        expired = refused and (code == "ExpiredToken" or "expired" in text.lower() or expired_by_now(url))
        raise TransferError(message, expired=expired)
    raise TransferError(f"{message}: redirected; the URL must be signed for the bucket's own regional address")


def expired_by_now(url: str) -> bool:
    """Whether the URL's own X-Amz-Date and X-Amz-Expires, if it has them, say that its time is over."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    try:
        signed = dt.datetime.strptime(query["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
        lifetime = dt.timedelta(seconds=int(query["X-Amz-Expires"][0]))
    except (KeyError, ValueError):
        return False
    return dt.datetime.now(dt.timezone.utc) > signed + lifetime


def _element(name: str, xml: str) -> str:
    """The text of S3's error element. Others (StringToSign, RequestId) are left out: they can hold secrets."""
    found: Optional[re.Match[str]] = re.search(f"<{name}>([^<]{{1,300}})</{name}>", xml)
    return found.group(1) if found else ""
