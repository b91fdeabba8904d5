"""DynamoDB's attribute values, there and back.

As boto3's TypeSerializer and TypeDeserializer have them, for the types that items here consist of and in half the time;
numbers come back as int or float rather than Decimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def serialize(value: Any) -> dict[str, Any]:
    """The attribute value of a text, truth, number, mapping or sequence, or of None.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": {name: serialize(each) for name, each in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [serialize(each) for each in value]}
    raise TypeError(f"{type(value).__name__} is no attribute of ours")


def deserialize(value: Mapping[str, Any]) -> Any:
    """What an attribute value says."""
    ((kind, content),) = value.items()
    if kind == "N":
        return float(content) if "." in content else int(content)
    if kind == "M":
        return {name: deserialize(each) for name, each in content.items()}
    if kind == "L":
        return [deserialize(each) for each in content]
    return None if kind == "NULL" else content
