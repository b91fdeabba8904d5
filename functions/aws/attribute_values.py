"""DynamoDB's attribute values, there and back.

As boto3's TypeSerializer and TypeDeserializer have them, for the types that items here consist of and in half the time;
numbers come back as int or float rather than Decimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def serialize(value: Any) -> Item:  # noqa: PLR0911  # one for each type
    """The attribute value of a text, truth, number, mapping, sequence or set of texts, or of None.

    Raises:
        TypeError: it is nothing of the kind.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": serialize_item(value)}
    if isinstance(value, list | tuple):
        return {"L": [serialize(each) for each in value]}
    if isinstance(value, set | frozenset):
        return {"SS": sorted(value)}
    raise TypeError(f"{type(value).__name__} is no attribute of ours")


def serialize_item(values: Mapping[str, Any]) -> Item:
    return {name: serialize(value) for name, value in values.items()}


def deserialize(value: Mapping[str, Any]) -> Any:
    """What an attribute value says; one of a type that items here do not have stays as it is."""
    ((kind, content),) = value.items()
    if kind == "N":
        return float(content) if "." in content else int(content)
    if kind == "M":
        return deserialize_item(content)
    if kind == "L":
        return [deserialize(each) for each in content]
    return None if kind == "NULL" else content


def deserialize_item(item: Mapping[str, Any]) -> Item:
    return {name: deserialize(value) for name, value in item.items()}
