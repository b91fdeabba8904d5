"""A job by a part of its id."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from mayfly.errors import UsageProblem
from mayfly.job_list import PAGE, all_jobs

if TYPE_CHECKING:  # brings httpx2 along, which help does without
    from mayfly.client import JobClient

_WHOLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Fewer would name a job by chance.
_PART = re.compile(r"[0-9a-f-]{4,35}")
_NEWEST = 500  # ten pages


def resolve_job_id(client: JobClient, given: str) -> str:
    """The id that begins or ends as given, on the newest page of jobs that has one.

    Raises:
        UsageProblem: none does, several of that page do, or it is no part of an id.
    """
    part = given.strip().lower()
    if _WHOLE.fullmatch(part):
        return part
    if not _PART.fullmatch(part):
        raise UsageProblem(
            f"{given!r} is not a job ID. Give the whole ID, or 4 or more of its first or last characters: mayfly jobs"
        )
    jobs = islice(all_jobs(client), _NEWEST)
    found: list[str] = []
    while not found and (ids := [str(job["id"]) for job in islice(jobs, PAGE)]):
        found = [each for each in ids if each.startswith(part) or each.endswith(part)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageProblem(
            f"{len(found)} jobs begin or end with {given!r}. Give more of the ID; mayfly jobs lists them."
        )
    raise UsageProblem(f"None of your {_NEWEST} newest jobs begins or ends with {given!r}. Give the whole ID.")
