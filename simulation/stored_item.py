"""An item as the table keeps it: it never changes, so readers share it, and what it says is read only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from functions.aws import attribute_values, job_items, scheduling_table

T = TypeVar("T")


class StoredItem(dict[str, Any]):
    """A table's item, or what it says; the next write to its key makes another one.

    `parsed` is what `once` has made of it.
    """

    __slots__ = ("parsed",)

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        super().__init__(attributes)
        self.parsed: dict[object, Any] = {}

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("an item that DynamoDB has answered is shared by all who read it, and is not to be changed")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def once(parse: Callable[[dict[str, Any]], T]) -> Callable[[dict[str, Any]], T]:
    """`parse`, which makes something that never changes of an item, called once for each item of the table."""

    @wraps(parse)
    def parsed(item: dict[str, Any]) -> T:
        if not isinstance(item, StoredItem):
            return parse(item)
        if parse not in item.parsed:
            item.parsed[parse] = parse(item)
        found: T = item.parsed[parse]
        return found

    return parsed


@once
def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of an item."""
    return sum(map(_attribute_size, item.items()))


def _attribute_size(attribute: tuple[str, Any]) -> int:
    return len(attribute[0]) + _size(attribute[1])


def _size(value: Mapping[str, Any]) -> int:
    """Bytes of a value: text is UTF-8, two digits are a byte ("DynamoDB item sizes and formats", developer guide)."""
    ((kind, plain),) = value.items()
    if kind == "S":
        return len(plain) if plain.isascii() else len(plain.encode())
    if kind == "N":
        return len(plain) // 2 + 1
    if kind == "M":
        return 3 + sum(1 + _attribute_size(each) for each in cast("dict[str, Any]", plain).items())
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in plain)
    return sum(len(each.encode()) for each in plain) if kind == "SS" else 1


@once
def deserialize_item(item: dict[str, Any]) -> StoredItem:
    return StoredItem(attribute_values.deserialize_item(item))


from_item = once(job_items.from_item)
entry_of, slot_of = once(scheduling_table.entry_of), once(scheduling_table.slot_of)
