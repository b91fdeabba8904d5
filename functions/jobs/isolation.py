"""Goes on with the others where one item of many fails: one job's fault ends no loop that serves all jobs."""

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
    """Logs what goes wrong while `action` is done for `subject` (a job's, run's or instance's id), and goes on.

    The subject is added to `failed` then. A LeaseLost passes: it is about the whole loop and not about one item.
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
    """What `parse` makes of each; one that it cannot read is logged by its name and left out."""
    made = []
    for each in found:
        with isolated("read", name(each)):
            made.append(parse(each))
    return made
