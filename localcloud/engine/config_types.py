"""The types that a configuration key can be declared with, as Pulumi checks them (ValidateConfigValue)."""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.engine.project_schema import ConfigItems

_INTEGER = re.compile(r"[+-]?\d+")


def fits(kind: ConfigItems, value: Any) -> bool:
    """Whether the value is of that type; texts of integers and booleans count."""
    match kind.type:
        case "string":
            return isinstance(value, str)
        case "integer":
            if isinstance(value, str):
                return _INTEGER.fullmatch(value) is not None
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool) or value in ("true", "false")
        case "array":
            return isinstance(value, list) and kind.items is not None and all(fits(kind.items, item) for item in value)


def parsed(kind: ConfigItems, value: Any) -> Any:
    """An array that comes as JSON text, as the command line gives it; anything else as it is."""
    if kind.type != "array" or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def type_name(kind: ConfigItems) -> str:
    """The type as Pulumi writes it, such as `array<string>`."""
    return kind.type if kind.items is None else f"array<{type_name(kind.items)}>"
