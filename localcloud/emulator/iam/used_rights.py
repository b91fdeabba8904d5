"""Which rights each role has really used, for tests that look for rights that are not needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator

_ASSUMED_ROLE = ":assumed-role/"


class UsedRights:
    """Role name → actions that its policies were asked for and allowed."""

    def __init__(self) -> None:
        self._actions: dict[str, set[str]] = {}

    def note(self, principal_arn: str, action: str) -> None:
        if _ASSUMED_ROLE in principal_arn:
            role = principal_arn.partition(_ASSUMED_ROLE)[2].partition("/")[0]
            self._actions.setdefault(role, set()).add(action)

    def to_json(self) -> dict[str, list[str]]:
        return {role: sorted(actions) for role, actions in sorted(self._actions.items())}


def install() -> UsedRights:
    used = UsedRights()
    iam_evaluator.evaluate = _noting(iam_evaluator.evaluate, used)
    return used


def _noting(upstream: Callable[..., Any], used: UsedRights) -> Callable[..., Any]:
    def evaluate(call: Any, *policies: Any) -> Any:
        result = upstream(call, *policies)
        if result.decision == "Allow":
            used.note(call.principal_arn, call.action)
        return result

    return evaluate
