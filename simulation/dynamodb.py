"""Amazon DynamoDB: one table with one sparse index, as infra/jobs_table.py makes it, behind a client like boto3's.

It answers what DynamoDB answers, at once and always the same way: conditions, 400 KB an item, 25 writes or 100 reads a
batch, pages of 1 MB, and errors (DynamoDB API reference; developer guide, "Quotas"). What it does not know, it refuses.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from functions.aws.job_items import OPEN_INDEX
from simulation.client import Maker, client, refused
from simulation.dynamodb_expressions import Expression, Item, condition, invalid, key_condition, update
from simulation.dynamodb_numbers import stored
from simulation.stored_item import StoredItem, size_of

Key = tuple[str, str]

TABLE = "jobs"
MOST_BYTES = 400 * 1024
_PAGE_BYTES = 1 << 20
_MOST_WRITES, _MOST_READS = 25, 100
# Bytes of a request unit ("Read and write operations", developer guide). A failed condition is billed as a write is.
_READ_BLOCK, _WRITE_BLOCK = 4_096, 1_024
_HASH_KEYS = ("owner", OPEN_INDEX)
_NONE: Mapping[str, Any] = {}
_EMPTY_KEY = "The AttributeValue for a key attribute cannot contain an empty string value"


class DynamoDb:
    """The table's items by key (owner, id), and `client`, whose every call goes through `calls` where there are some.

    `on_write` hears of each item that a call wrote or deleted: its key, and the item before and after. `on_query` hears
    of each query: its hash key's value, and after which range key it begins. `on_units` hears of the request units that
    are billed: the hash key's value, and how many are for reading and for writing.
    """

    def __init__(self, calls: Maker | None = None) -> None:
        self.on_write: list[Callable[[Key, Item | None, Item | None], None]] = []
        self.on_query: list[Callable[[str, str], None]] = []
        self.on_units: list[Callable[[str, float, int], None]] = []
        self.items: dict[Key, StoredItem] = {}
        # (id, owner), sorted, by the hash key's name and value, be it the table's or the index's.
        self._keys: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        operations: Mapping[str, Callable[..., Any]] = {
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get_item,
            "PutItem": self._put_item,
            "UpdateItem": self._update_item,
            "DeleteItem": self._delete_item,
            "BatchWriteItem": self._batch_write_item,
            "Query": self._query,
        }
        self.client = client("dynamodb", calls, operations)

    def of_owner(self, owner: str) -> list[Item]:
        """The items of a hash key, in order."""
        return [self.items[owner, name] for name, _ in self._keys["owner", owner]]

    def count(self, owner: str) -> int:
        """How many items a hash key has."""
        return len(self._keys["owner", owner])

    def size(self, key: Key) -> int:
        """Of an item, in bytes."""
        return size_of(self.items[key]) if key in self.items else 0

    def write(self, key: Key, item: Mapping[str, Any] | None) -> None:
        """Puts or deletes an item, whatever it is like, outside of streams and checks."""
        before = self.items.get(key)
        for hash_key in _HASH_KEYS:
            self._list(hash_key, key, before, item)
        if item is not None:
            self.items[key] = StoredItem(item)
        elif before is not None:
            del self.items[key]

    # The client

    def _get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> Item:
        key = self._key(TableName, Key)
        self._read(key[0], self.size(key), is_consistent=ConsistentRead)
        return {"Item": self.items[key]} if key in self.items else {}

    def _batch_get_item(self, *, RequestItems: Mapping[str, Mapping[str, Any]]) -> Item:
        ((table, asked),) = RequestItems.items()
        if not asked.keys() <= {"Keys", "ConsistentRead"}:
            raise invalid("BatchGetItem", f"one of {sorted(asked)} is not known here")
        keys = [self._key(table, key) for key in asked["Keys"]]
        if not 1 <= len(keys) <= _MOST_READS or len(set(keys)) < len(keys):
            raise invalid("BatchGetItem", "Provided list of item keys contains duplicates, or too many")
        for key in keys:
            self._read(key[0], self.size(key), is_consistent=asked.get("ConsistentRead", False))
        found = [self.items[key] for key in keys if key in self.items]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _put_item(self, *, TableName: str, Item: Item, **given: Any) -> Item:
        key, item = self._key(TableName, Item, whole=False), _stored("PutItem", Item)
        return self._write_if(key, lambda *_: item, given)

    def _update_item(self, *, TableName: str, Key: Item, UpdateExpression: str, **given: Any) -> Item:
        key, changes = self._key(TableName, Key), update(UpdateExpression)

        def changed(before: Item | None, *given: Mapping[str, Any]) -> Item:
            item = dict(before or Key)
            changes.does(item, *given)
            if self._key(TableName, item, whole=False) != key:
                raise invalid("UpdateItem", "This attribute is part of the key")
            return item

        return self._write_if(key, changed, given, changes)

    def _delete_item(self, *, TableName: str, Key: Item, **given: Any) -> Item:
        return self._write_if(self._key(TableName, Key), lambda *_: None, given)

    def _batch_write_item(self, *, RequestItems: Mapping[str, Sequence[Item]]) -> Item:
        ((table, requests),) = RequestItems.items()
        writes: dict[tuple[str, str], Item | None] = {}
        for request in requests:
            item = request["PutRequest"]["Item"] if "PutRequest" in request else None
            key = self._key(table, request["DeleteRequest"]["Key"] if item is None else item, whole=item is None)
            if key in writes:
                raise invalid("BatchWriteItem", "Provided list of item keys contains duplicates")
            writes[key] = None if item is None else _stored("BatchWriteItem", item)
        if not 1 <= len(writes) <= _MOST_WRITES:
            raise invalid("BatchWriteItem", f"{len(writes)} writes in a batch")
        for key, item in writes.items():
            self._write("BatchWriteItem", key, item)
        return {"UnprocessedItems": {}}

    def _query(
        self,
        *,
        TableName: str,
        KeyConditionExpression: str,
        IndexName: str | None = None,
        FilterExpression: str | None = None,
        ScanIndexForward: bool = True,
        Limit: int | None = None,
        ExclusiveStartKey: Item | None = None,
        ConsistentRead: bool = False,
        Select: str | None = None,
        **given: Any,
    ) -> Item:
        if Select not in {None, "COUNT"}:
            raise NotImplementedError(Select)
        if TableName != TABLE or IndexName not in {None, OPEN_INDEX} or (IndexName and ConsistentRead):
            raise invalid("Query", f"{TableName} and {IndexName}")
        keys = key_condition(KeyConditionExpression)
        kept = condition(FilterExpression) if FilterExpression else None
        names, values = _placeholders("Query", given, keys, kept)
        hash_key = "owner" if IndexName is None else OPEN_INDEX
        sought = keys.does
        asked = {names.get(one, one) for one in (sought.hash_name, sought.range_name) if one}
        if not asked <= {hash_key, "id"} or names.get(sought.hash_name, sought.hash_name) != hash_key:
            raise invalid("Query", f"Query condition missed key schema element: {hash_key}")
        owner = values[sought.hash_value]["S"]
        after = values[sought.range_value]["S"] if sought.range_name else ""
        if not owner or (sought.range_name and not after):
            raise invalid("Query", _EMPTY_KEY)
        for observer in self.on_query:
            observer(owner, ExclusiveStartKey["id"]["S"] if ExclusiveStartKey else after)
        listed = self._keys[hash_key, owner]
        low, high = _range(listed, sought.comparator, after)
        if ExclusiveStartKey is not None:
            start = (ExclusiveStartKey["id"]["S"], ExclusiveStartKey["owner"]["S"])
            if ScanIndexForward:
                low = max(low, bisect_right(listed, start))
            else:
                high = min(high, bisect_left(listed, start))
        order = range(low, high) if ScanIndexForward else range(high - 1, low - 1, -1)
        items, last, size = self._page(((listed[at][1], listed[at][0]) for at in order), Limit, IndexName)
        self._read(owner, size, is_consistent=ConsistentRead)
        found = items if kept is None else [one for one in items if kept.does(one, names, values)]
        answer: Item = {"Count": len(found)} | ({} if Select == "COUNT" else {"Items": found})
        return answer | ({"LastEvaluatedKey": last} if last else {})

    # Behind it

    def _page(self, keys: Iterator[Key], limit: int | None, index: str | None) -> tuple[list[Item], Item | None, int]:
        """As many items as a page has, the last one's key where there may be more, and how many bytes were read."""
        items: list[Item] = []
        size, last = 0, None
        projected = ("owner", "id", OPEN_INDEX) if index else ("owner", "id")
        for key in keys:
            more = size_of(self.items[key]) if index is None else sum(map(len, key))
            if len(items) == limit or (items and size + more > _PAGE_BYTES):
                break
            items.append({name: self.items[key][name] for name in projected} if index else self.items[key])
            size += more
            last = key
        else:
            last = last if len(items) == limit else None
        return items, {name: self.items[last][name] for name in projected} if last else None, size

    def _write_if(
        self, key: Key, made: Callable[..., Item | None], given: Mapping[str, Any], changes: Expression | None = None
    ) -> Item:
        """Writes what is made of the item as it is, if the condition holds; the answer that was asked for."""
        text, before = given.get("ConditionExpression"), self.items.get(key)
        operation = "UpdateItem" if changes else "PutItem"
        test = condition(text) if text else None
        names, values = _placeholders(operation, given, test, changes)
        if test and not test.does(before or _NONE, names, values):
            self._bill_write(key[0], self.size(key))
            failed = refused(f"dynamodb:{operation}", "ConditionalCheckFailedException")
            if before is not None and given.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                failed.response["Item"] = before  # type: ignore[typeddict-unknown-key]
            raise failed
        after = self._write(operation, key, made(before, names, values))
        attributes = {"ALL_OLD": before, "ALL_NEW": after, "NONE": None}[given.get("ReturnValues", "NONE")]
        return {"Attributes": attributes} if attributes is not None else {}

    def _write(self, operation: str, key: Key, item: Item | None) -> StoredItem | None:
        """The item as it is then."""
        before, size = self.items.get(key), self.size(key)
        self.write(key, item)
        after = self.items.get(key)
        if after is not None and self.size(key) > MOST_BYTES:
            self.write(key, before)
            raise invalid(operation, "Item size has exceeded the maximum allowed size")
        self._bill_write(key[0], max(size, self.size(key)))
        if (before or _NONE).get(OPEN_INDEX) != (after or _NONE).get(OPEN_INDEX):
            self._bill_write(OPEN_INDEX, 1)
        if before is not None or after is not None:
            for observer in self.on_write:
                observer(key, before, after)
        return after

    def _read(self, collection: str, size: int, *, is_consistent: bool) -> None:
        blocks = max(1, ceil(size / _READ_BLOCK))
        for observer in self.on_units:
            observer(collection, blocks if is_consistent else blocks / 2, 0)

    def _bill_write(self, collection: str, size: int) -> None:
        for observer in self.on_units:
            observer(collection, 0, max(1, ceil(size / _WRITE_BLOCK)))

    def _list(self, hash_key: str, key: Key, before: StoredItem | None, after: Mapping[str, Any] | None) -> None:
        """Keeps the sorted keys of a hash key."""
        old, new = (item.get(hash_key) if item else None for item in (before, after))
        if old == new:
            return
        listed = (key[1], key[0])
        if old is not None:
            keys = self._keys[hash_key, old["S"]]
            del keys[bisect_left(keys, listed)]
        if new is not None:
            insort(self._keys[hash_key, new["S"]], listed)

    @staticmethod
    def _key(table: str, attributes: Item, *, whole: bool = True) -> Key:
        if table != TABLE:
            raise refused("dynamodb:Table", "ResourceNotFoundException")
        if whole and attributes.keys() != {"owner", "id"}:
            raise invalid("Table", "The provided key element does not match the schema")
        owner, name = attributes["owner"]["S"], attributes["id"]["S"]
        if not owner or not name or attributes.get(OPEN_INDEX) == {"S": ""}:
            raise invalid("Table", _EMPTY_KEY)
        return owner, name


_ARGUMENTS = {
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
}


def _placeholders(
    operation: str, given: Mapping[str, Any], *expressions: Expression | None
) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """The names and the values that the expressions need, no more and no fewer."""
    if not given.keys() <= _ARGUMENTS:
        raise TypeError(f"one of {sorted(given)} is not known here")
    names, values = given.get("ExpressionAttributeNames", _NONE), given.get("ExpressionAttributeValues", _NONE)
    if (not names and names is not _NONE) or (not values and values is not _NONE):
        raise invalid("Expression", "ExpressionAttributeNames and ExpressionAttributeValues must not be empty")
    used = frozenset().union(*(each.placeholders for each in expressions if each))
    if used != names.keys() | values.keys():
        raise invalid(operation, f"{sorted(used ^ {*names, *values})} is unused or not defined")
    return names, _stored("Expression", values)


def _stored(operation: str, values: Mapping[str, Any]) -> Item:
    """The values as the table keeps them, checked."""
    kept: Item = {}
    for name, value in values.items():
        try:
            kept[name] = value if "S" in value else stored(value)
        except ValueError as error:
            raise invalid(operation, f"One or more parameter values were invalid: {name}: {error}") from None
    return kept


def _range(keys: Sequence[tuple[str, str]], comparator: str, value: str) -> tuple[int, int]:
    """From where to where the range keys are that the comparator holds for."""
    last = chr(0x10FFFF)
    first, after = bisect_left(keys, (value, "")), bisect_right(keys, (value, last))
    return {
        "": (0, len(keys)),
        "eq": (first, after),
        "lt": (0, first),
        "le": (0, after),
        "gt": (after, len(keys)),
        "ge": (first, len(keys)),
        "begins_with": (first, bisect_right(keys, (value + last, last))),
    }[comparator]
