"""What differs between two sets of inputs, or between inputs and what the cloud has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.engine.wire import UNKNOWN


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of the inputs that are not what they were; one that is not known yet counts as changed."""
    return [key for key in sorted({*old, *new}) if _unequal(old.get(key), new.get(key))]


def drifted(inputs: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Live values of inputs changed outside the program; what AWS itself adds to an object is no drift."""
    return {key: value for key, value in live.items() if key in inputs and _drifted(inputs[key], value)}


def holds_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    if isinstance(value, list):
        return any(map(holds_unknown, value))
    return value is UNKNOWN


def _unequal(old: Any, new: Any) -> bool:
    return holds_unknown(new) or _comparable(old) != _comparable(new)


def _comparable(value: Any) -> Any:
    """JSON documents by what they say; pulumi-aws compares policies and definitions so."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _drifted(given: Any, live: Any) -> bool:
    given, live = _comparable(given), _comparable(live)
    if isinstance(given, dict):
        return not isinstance(live, dict) or any(_drifted(item, live.get(key)) for key, item in given.items())
    if isinstance(given, list):
        if not isinstance(live, list) or len(given) != len(live):
            return True
        return any(_drifted(one, other) for one, other in zip(_in_order(given), _in_order(live), strict=True))
    if isinstance(given, (int, float)) and isinstance(live, (int, float)):
        return given != live
    if given in (None, "", False, 0) and live in (None, "", False, 0):
        return False
    return str(given).lower() != str(live).lower()  # the provider has some booleans and numbers as text


def _in_order(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True).lower())
