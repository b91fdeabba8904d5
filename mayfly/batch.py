"""Jobs that were submitted together: they carry the same id, which the client chooses."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Iterable

from mayfly.errors import UsageProblem
from mayfly.job import TERMINAL, Job

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # as the API says
_RANDOM_BYTES = 6  # short enough to type, and no other batch of the same owner has it


def new_batch_id() -> str:
    return secrets.token_hex(_RANDOM_BYTES)


def check_batch_id(given: str | None) -> None:
    """Raises UsageProblem: no batch can have that id."""
    if given is not None and not _ID.fullmatch(given):
        raise UsageProblem(
            f"{given!r} is no batch's id: 1 to 64 letters, digits, dots, underscores and hyphens, the first one a"
            " letter or a digit. `mayfly jobs` shows the batch of each job."
        )


def progress_text(jobs: Iterable[Job]) -> str:
    """How far they are, such as "3 of 5 ended, 1 failed"."""
    counts = Counter(str(job["status"]) for job in jobs)
    ended = sum(count for status, count in counts.items() if status in TERMINAL)
    parts = [f"{counts[status]} {status}" for status in ("failed", "cancelled") if counts[status]]
    return ", ".join([f"{ended} of {counts.total()} ended", *parts])
