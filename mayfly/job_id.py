"""A job by a part of its id."""

from __future__ import annotations

from mayfly.client import JobClient
from mayfly.errors import UsageProblem

_WHOLE = 36  # characters of a UUID
_NEWEST = 50  # one page


def whole(client: JobClient, given: str) -> str:
    """The id that begins or ends as given, out of the newest jobs'.

    Raises:
        UsageProblem: none does, or several do.
    """
    if len(given) >= _WHOLE:
        return given
    ids = [str(job["id"]) for job in client.page(_NEWEST)["jobs"]]
    found = [each for each in ids if each.startswith(given) or each.endswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageProblem(
            f"{len(found)} jobs begin or end with {given!r}. Give more of the id; mayfly jobs lists them."
        )
    raise UsageProblem(f"None of your {_NEWEST} newest jobs begins or ends with {given!r}. Give the whole id.")
