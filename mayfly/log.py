"""What a job's script prints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mayfly.errors import JobApiError
from mayfly.job import TERMINAL

if TYPE_CHECKING:  # brings httpx2 along, which help does without
    from mayfly.client import JobClient

POLL_SECONDS = 1.0


def lines(client: JobClient, job_id: str, *, follow: bool) -> Iterator[dict[str, Any]]:
    """`{at, stream, text}` of the latest attempt; with `follow` as they come, also of later attempts, to the end."""
    after, attempt = None, None
    while True:
        # Looked at before reading: whatever was printed before the end is read after it.
        job = client.get(job_id)
        if job["attempts"] != attempt:  # each has a log of its own
            after, attempt = None, job["attempts"]
        try:
            page = client.log(job_id, after)
        except JobApiError as error:
            if after is None or error.status != HTTPStatus.BAD_REQUEST:
                raise
            after = None  # another attempt has begun meanwhile, whose log does not know the position
            continue
        yield from page["lines"]
        is_all = page["next"] in {None, after}
        after = page["next"] or after
        if not is_all:
            continue
        if job["status"] in TERMINAL or not follow:
            return
        time.sleep(POLL_SECONDS)
