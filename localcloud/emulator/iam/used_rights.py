"""Which rights each role has really used, for tests that look for rights that are not needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator

_ASSUMED_ROLE = ":assumed-role/"
UsedRights = defaultdict[str, set[str]]


def install() -> UsedRights:
    """Role name → actions that its policies were asked for and allowed, from now on."""
    used: UsedRights = defaultdict(set)
    iam_evaluator.evaluate = _noting(iam_evaluator.evaluate, used)
    return used


def _noting(upstream: Callable[..., Any], used: UsedRights) -> Callable[..., Any]:
    def evaluate(call: Any, *policies: Any) -> Any:
        result = upstream(call, *policies)
        if result.decision == "Allow" and _ASSUMED_ROLE in call.principal_arn:
            role = call.principal_arn.partition(_ASSUMED_ROLE)[2].partition("/")[0]
            used[role].add(call.action)
        return result

    return evaluate
