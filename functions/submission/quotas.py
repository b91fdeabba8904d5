"""What one owner may have: jobs that have not ended, and bytes uploaded or copied on one UTC day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from functions.jobs import clock
from functions.jobs.errors import TooManyOpenJobs, UploadQuota

_GIB = 1024**3


class UsageTable(Protocol):
    """How many bytes an owner's uploads and copies of a UTC day (`2026-01-31`) have together."""

    def add(self, owner: str, day: str, size: int, limit: int) -> bool:
        """Adds to the sum, unless that would then be above `limit`; whether it did."""


@dataclass(frozen=True)
class Quotas:
    """An owner's; 0 is none."""

    open_jobs: int = 0
    upload_bytes_a_day: int = 0

    @staticmethod
    def from_json(text: str) -> Quotas:
        """Out of what infra/api.py writes.

        Raises:
            TypeError, ValueError: it is not that.
        """
        return Quotas(**json.loads(text))

    def check_open_jobs(self, owner: str, open_keys: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Raises TooManyOpenJobs.

        The keys come from an index that follows the table by moments: requests at the same time may pass it together.
        """
        if not self.open_jobs:
            return
        mine = (job_id for whose, job_id in open_keys() if whose == owner)
        if sum(1 for _ in islice(mine, self.open_jobs)) >= self.open_jobs:
            raise TooManyOpenJobs(
                f"{self.open_jobs:,} jobs of yours have not ended, which is as many as one may have; "
                "wait for one to end, or cancel one.",
                field="job_id",
            )

    def count_upload(self, usage: UsageTable, owner: str, size: int, field: str) -> None:
        """Enters what is about to be uploaded or copied. Raises UploadQuota, and enters nothing then."""
        limit = self.upload_bytes_a_day
        if limit and not usage.add(owner, clock.now()[:10], size, limit):
            raise UploadQuota(
                f"With these {size:,} bytes you would have uploaded and copied more than {limit / _GIB:g} GiB today; "
                "the next day begins at 00:00 UTC.",
                field=field,
            )
