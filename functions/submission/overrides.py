"""What a job may have otherwise than its stack's other jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from functions.jobs.errors import OverrideNotAllowed
from functions.jobs.job import Overrides


@dataclass(frozen=True)
class Allowance:
    """`instance_types` are what a job may ask for, `max_timeout_minutes` is the longest that one may ask to run.

    `timeout_minutes` is how long a script may run that asks for nothing. As many at most, and there is nothing to ask
    for.
    """

    instance_types: tuple[str, ...] = ()
    timeout_minutes: int = 60
    max_timeout_minutes: int = 60

    @staticmethod
    def read(text: str) -> Allowance:
        """From JSON, as infra/api.py writes it."""
        known = json.loads(text)
        return Allowance(**known | {"instance_types": tuple(known["instance_types"])})

    def check(self, overrides: Overrides) -> None:
        """Raises OverrideNotAllowed, naming the field and what it may be."""
        wanted, minutes = overrides.instance_type, overrides.timeout_minutes
        if wanted is not None and wanted not in self.instance_types:
            choices = f"one of {', '.join(self.instance_types)}" if self.instance_types else "left out on this stack"
            raise OverrideNotAllowed(
                f"The instance type {wanted!r} is not allowed; it must be {choices}.", field="overrides.instance_type"
            )
        if minutes is not None and not 1 <= minutes <= self.max_timeout_minutes:
            raise OverrideNotAllowed(
                f"A time-out of {minutes} minutes is not allowed; it must be a whole number from 1 to "
                f"{self.max_timeout_minutes}.",
                field="overrides.timeout_minutes",
            )


NO_ALLOWANCE = Allowance()
