"""Error isolation for loops over many jobs: a failed item is logged, and the loop continues."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from functions.jobs.errors import LeaseLost

_log = logging.getLogger("mayfly")
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class isolated:  # noqa: N801  # a context manager, as contextlib names its own
    """Logs an error in `action` for `subject` (a job's, run's or instance's id), and continues.

    The subject is then added to `failed`. A LeaseLost is raised: it concerns the whole loop.
    """

    action: str
    subject: str
    failed: list[str] | None = None

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, LeaseLost):
            return False
        if self.failed is not None:
            self.failed.append(self.subject)
        facts = {"subject": self.subject, "fault": repr(error)}
        _log.error("could not %s for %s; the others go on", self.action, self.subject, exc_info=error, extra=facts)
        return True


def readable(parse: Callable[[_Item], _Made], found: Sequence[_Item], name: Callable[[_Item], str]) -> list[_Made]:
    """The parsed items; an unreadable one is logged by its name and left out."""
    made = []
    for each in found:
        with isolated("read", name(each)):
            made.append(parse(each))
    return made
