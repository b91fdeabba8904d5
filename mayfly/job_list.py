"""The list of jobs, over all of its pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mayfly.errors import NotAStack, UsageProblem
from mayfly.job import Job

if TYPE_CHECKING:  # brings httpx2 along, which help does without
    from mayfly.client import JobClient

PAGE = 50  # the API's most


@dataclass(frozen=True)
class Filter:
    """Which jobs are meant; what is not given takes all."""

    statuses: frozenset[str] = frozenset()
    name: str | None = None
    """A pattern for the input's name, as a shell has them."""

    def takes(self, job: Job) -> bool:
        is_named = self.name is None or fnmatchcase(job["filename"], self.name)
        return is_named and (not self.statuses or job["status"] in self.statuses)


def all_jobs(client: JobClient, batch: str | None = None, page: int = PAGE) -> Iterator[Job]:
    """The jobs, newest first, of one batch if it is named; asks for a page as its first job is needed.

    Raises:
        NotAStack: the pages lead in a circle.
    """
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        found = client.page(page, cursor, batch)
        yield from found["jobs"]
        cursor = found["next_cursor"]
        if cursor is None:
            return
        if cursor in seen:
            raise NotAStack(client.url)
        seen.add(cursor)


def jobs_of_batch(client: JobClient, batch: str) -> list[Job]:
    """Raises UsageProblem: there are none."""
    found = list(all_jobs(client, batch))
    if not found:
        raise UsageProblem(f"You have no job of the batch {batch}. `mayfly jobs` shows the batch of each job.")
    return found
