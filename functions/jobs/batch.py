"""Jobs that were submitted together: they carry the same id, which the client chooses."""

from __future__ import annotations

import re

from functions.jobs.errors import InvalidRequest

MAX_BATCH_CHARS = 64
BATCH_PATTERN = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_BATCH_CHARS - 1}}}$"


def check_batch(batch: str | None) -> None:
    """Raises InvalidRequest: it is no batch's id."""
    if batch is not None and not re.fullmatch(BATCH_PATTERN[1:-1], batch):
        raise InvalidRequest(
            f"The batch has 1 to {MAX_BATCH_CHARS} letters, digits, dots, underscores and hyphens, and begins with a "
            "letter or a digit; a UUID is one.",
            field="batch",
        )
