"""Where one of several jobs cannot be dealt with: it is named, and the others follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2 as httpx

from mayfly.advice import advice
from mayfly.errors import Incomplete, JobApiError, MayflyError, SignInProblem
from mayfly.job import Job
from mayfly.streams import say_error
from mayfly.text import plain


class Failures:
    """Those of one command for `total` jobs."""

    def __init__(self, total: int, redact: Callable[[str], str]) -> None:
        self._total = total
        self._redact = redact
        self._codes: list[int] = []

    @contextmanager
    def of(self, job: Job) -> Iterator[None]:
        """Says what goes wrong with this job; raises it where there is no other, or each would have the same."""
        try:
            yield
        except (MayflyError, httpx.HTTPError, httpx.InvalidURL) as error:
            is_signed_out = isinstance(error, SignInProblem) or (
                isinstance(error, JobApiError) and error.is_unauthorized
            )
            if is_signed_out or self._total == 1:
                raise
            say_error(self._redact(plain(f"{job['id']}  {job['filename']}: {advice(error)}")))
            self._codes.append(getattr(error, "exit_code", MayflyError.exit_code))

    def check(self) -> None:
        """Raises Incomplete: there was one. Its exit code is that of the first."""
        if self._codes:
            raise Incomplete(
                f"{len(self._codes)} of {self._total} jobs could not be dealt with: see above.", self._codes[0]
            )
