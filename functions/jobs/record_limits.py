"""How large one job's record may become.

DynamoDB refuses an item of more than 400 KB (DynamoDB developer guide, "Quotas", "Item size"), and a record that large
could not even be ended. With these limits the largest record that API calls and machine reports can make stays below
100 KB: tests/functions/jobs/test_record_limits.py builds it.
"""

from __future__ import annotations

MAX_RUNS = 10
# Attempts, over all runs, after which a job is not run again. One run more may add as many as `maxAttempts`, ten.
MAX_ATTEMPTS = 20
# Timeline events of one run, besides those that change the job's status.
MAX_EVENTS_PER_RUN = 60
# Events that a retry leaves: the oldest runs keep their start and their end alone when there are more.
EVENTS_KEPT_ON_RETRY = 30
MAX_DETAIL_BYTES = 200
MAX_MESSAGE_BYTES = 6_000
_ELLIPSIS = "…"


def clipped(text: str, limit: int) -> str:
    """The text, cut so that it has at most `limit` bytes in UTF-8; what was cut ends with an ellipsis."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: limit - len(_ELLIPSIS.encode())].decode(errors="ignore") + _ELLIPSIS
