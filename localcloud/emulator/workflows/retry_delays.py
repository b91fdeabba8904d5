"""How long Step Functions waits before it tries a task again: up to MaxDelaySeconds, and with FULL jitter less.

Upstream MiniStack knows IntervalSeconds and BackoffRate alone, so a state with many tries waits ever longer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions

# 2 ** 64 seconds are for ever; a float ends at 2 ** 1024.
_ENOUGH = 64


def install() -> None:
    stepfunctions._find_matching_retrier = _with_delay(stepfunctions._find_matching_retrier)


def delay(retrier: dict[str, Any], retries: int) -> float:
    """Seconds before the next try, after so many retries already (Step Functions developer guide, "Error handling")."""
    longest: float = min(
        retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** min(retries, _ENOUGH),
        retrier.get("MaxDelaySeconds", float("inf")),
    )
    if retrier.get("JitterStrategy") == "FULL":
        return random.uniform(0, longest)  # noqa: S311  # nothing secret about it
    return longest


def _with_delay(upstream: Callable[..., tuple[dict[str, Any] | None, int]]) -> Callable[..., Any]:
    def find_matching_retrier(
        retriers: list[dict[str, Any]], error: str, counts: dict[int, int]
    ) -> tuple[dict[str, Any] | None, int]:
        retrier, index = upstream(retriers, error, counts)
        if retrier is None:
            return None, index
        return {**retrier, "IntervalSeconds": delay(retrier, counts.get(index, 0)), "BackoffRate": 1.0}, index

    return find_matching_retrier
