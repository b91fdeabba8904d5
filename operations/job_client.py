"""The public HTTP API of a local cloud, with its users' tokens and what only a local cloud reports.

For the smoke test, the tests, the soak and the benchmarks; it knows nothing of AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mayfly.client import JobClient as PublicJobClient
from mayfly.errors import JobApiError
from mayfly.job import Job

__all__ = ["Job", "JobApiError", "JobClient"]


class JobClient(PublicJobClient):
    """Sends every request once, so that a test sees the first answer."""

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
        super().__init__(base_url, token=token, owner=owner, attempts=1)
        if user is not None:
            self._authorize(partial(self._token_of, user))

    def machines(self) -> list[dict[str, Any]]:
        """Every machine that the local cloud ever launched."""
        machines: list[dict[str, Any]] = self._accepted(self._http.get("/_local/machines")).json()
        return machines

    def copy(self, job_id: str) -> str:
        """Copies a job's file; the id that `create` then makes a job of."""
        answer = self._accepted(self._http.post(f"/api/jobs/{job_id}/copy"))
        return str(answer.json()["job_id"])

    def alive(self) -> list[dict[str, Any]]:
        """The user's machines that are not confirmed terminated, as the API reports them."""
        alive: list[dict[str, Any]] = self._accepted(self._http.get("/api/machines")).json()["alive"]
        return alive

    def set_faults(self, faults: Mapping[str, object]) -> None:
        """Has AWS misbehave in these ways, and in no others (localcloud/emulator/faults.py)."""
        self._accepted(self._http.put("/_local/faults", json=dict(faults)))

    def _token_of(self, user: str) -> str:
        answer = self._http.get("/_local/token", params={"user": user}, auth=None)
        return str(self._accepted(answer).json()["access_token"])
