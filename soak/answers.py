"""Every answer of the API and of storage, counted where the client gets it, before it tries again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx

# The emulator does not see that a function's process was killed: it answers 502 once the function's time-out is over,
# and those who wait for that get no answer in the time of a client's request.
_RESTART_SECONDS = 60.0


class Answers:
    """Counts for all owners together; safe to use from any thread, since appending to a list is atomic."""

    def __init__(self) -> None:
        self.statuses: list[int | str] = []
        self.bad: list[tuple[float, str]] = []
        self._began = time.monotonic()
        self._restarts: list[tuple[float, float]] = []

    def count(self, request: str, status: int | str) -> None:
        """`status` is HTTP's, or words for an answer that did not come."""
        self.statuses.append(status)
        if isinstance(status, str) or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            self.bad.append((time.monotonic(), f"{request}: {status}"))

    @contextmanager
    def restart(self) -> Iterator[None]:
        """Processes are being restarted meanwhile."""
        began = time.monotonic()
        yield
        self._restarts.append((began, time.monotonic() + _RESTART_SECONDS))

    def unexplained(self) -> list[str]:
        """5xx, and requests without an answer, that no restart explains."""
        return [
            f"{what}, after {at - self._began:.0f} s"
            for at, what in self.bad
            if not any(began <= at <= ended for began, ended in self._restarts)
        ]


class CountingTransport(httpx.HTTPTransport):
    """Sends requests, and counts what comes back."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(limits=httpx.Limits(max_connections=None))
        self._answers = answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path}"
        try:
            response = super().handle_request(request)
        except httpx.TransportError as error:
            self._answers.count(name, type(error).__name__)
            raise
        self._answers.count(name, response.status_code)
        return response
