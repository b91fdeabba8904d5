"""What upstream MiniStack works out anew for each request though it comes to the same.

Policy documents and a distribution's configuration are read once for each text, so a changed one counts at once. Items
of DynamoDB are copied as the plain JSON that they are; `copy.deepcopy` keeps a record of all it has seen for each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import cloudfront, dynamodb

_TEXTS = 512  # kept of each kind
_ATOMS = (str, int, float, bool, bytes, type(None))


def install() -> None:
    iam_evaluator.parse_policy_document = _once_for_each_text(iam_evaluator.parse_policy_document)
    cloudfront.parse_distribution_dataplane_config = _once_for_each_config(
        cloudfront.parse_distribution_dataplane_config
    )
    dynamodb.copy = SimpleNamespace(**vars(copy) | {"deepcopy": plain_copy})


def plain_copy(value: Any) -> Any:
    """A deep copy; anything but dicts, lists and atoms is left to `copy.deepcopy`."""
    kind = type(value)
    if kind is dict:
        return {name: plain_copy(each) for name, each in value.items()}
    if kind is list:
        return [plain_copy(each) for each in value]
    return value if kind in _ATOMS else copy.deepcopy(value)


def _once_for_each_text(upstream: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    parsed = lru_cache(_TEXTS)(upstream)

    def parse_policy_document(document: Any) -> list[Any]:
        # A list of its own for each caller; nothing changes the statements.
        return list(parsed(document)) if isinstance(document, str) else upstream(document)

    return parse_policy_document


def _once_for_each_config(upstream: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    @lru_cache(_TEXTS)
    def parsed(config_xml: str | bytes) -> dict[str, Any]:
        return upstream({"config_xml": config_xml})

    def parse_distribution_dataplane_config(distribution: dict[str, Any]) -> dict[str, Any]:
        return parsed(distribution.get("config_xml") or "")

    return parse_distribution_dataplane_config
