"""One DynamoDB table with hash key `owner` and range key `id`: the calls that its adapters share.

Keys, items and values are Python's own here (attribute_values.py). In expressions `#name` stands for the attribute
`name`, since DynamoDB reserves many words; a call that names attributes otherwise passes `ExpressionAttributeNames`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from functions.aws.attribute_values import Item, deserialize_item, serialize_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# In one BatchWriteItem (DynamoDB API reference).
_MOST_WRITES = 25
_NAME = re.compile(r"#(\w+)")
_NO_VALUES: Item = {}


class DynamoTable:
    """Every read is strongly consistent. A conditional write answers None where its condition does not hold."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def _get(self, key: Item) -> Item | None:
        answer = self._client.get_item(TableName=self._table, Key=serialize_item(key), ConsistentRead=True)
        return deserialize_item(answer["Item"]) if "Item" in answer else None

    def _get_all(self, *keys: Item) -> list[Item | None]:
        """The item of each key in one call: that takes its time, however many items it reads."""
        found: dict[tuple[str, str], Item] = {}
        wanted: Any = {self._table: {"Keys": [serialize_item(key) for key in keys], "ConsistentRead": True}}
        while wanted:  # each call reads one item at least, or is refused as throttled, which botocore repeats
            answer = self._client.batch_get_item(RequestItems=wanted)
            for each in answer["Responses"].get(self._table, []):
                item = deserialize_item(each)
                found[item["owner"], item["id"]] = item
            wanted = answer["UnprocessedKeys"]
        return [found.get((key["owner"], key["id"])) for key in keys]

    def _all(self, owner: str, ids: str = "", values: Item = _NO_VALUES, **given: Any) -> list[Item]:
        """The items of an owner; `ids` is a further condition, for the range key."""
        pages = self._pages(owner, ids, values, **given)
        return [deserialize_item(item) for page in pages for item in page["Items"]]

    def _pages(self, owner: str, ids: str = "", values: Item = _NO_VALUES, **given: Any) -> Iterable[Any]:
        """The same as DynamoDB answers it."""
        return self._client.get_paginator("query").paginate(**self._query(owner, ids, values, given))

    def _page(
        self, owner: str, ids: str = "", values: Item = _NO_VALUES, after: Item | None = None, **given: Any
    ) -> tuple[list[Item], Item | None]:
        """Some items of an owner, and the key of the last one that was looked at, None where there are no more."""
        if after:
            given["ExclusiveStartKey"] = serialize_item(after)
        answer = self._client.query(**self._query(owner, ids, values, given))
        last = answer.get("LastEvaluatedKey")
        return [deserialize_item(item) for item in answer["Items"]], deserialize_item(last) if last else None

    def _query(self, owner: str, ids: str, values: Item, given: Item) -> Any:
        condition = "#owner = :owner" + ids
        return {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": _names(condition + given.get("FilterExpression", "")),
            "ExpressionAttributeValues": serialize_item({":owner": owner, **values}),
            "ConsistentRead": True,
            **given,
        }

    def _put(self, item: Item, condition: str = "", values: Item = _NO_VALUES) -> bool:
        """Whether the item was written."""
        return self._write(self._client.put_item, condition, values, Item=serialize_item(item))[0]

    def _update(
        self, key: Item, changes: str, values: Item = _NO_VALUES, condition: str = "", **given: Any
    ) -> Item | None:
        """The attributes that the call was asked to return."""
        holds, attributes = self._write(
            self._client.update_item, condition, values, Key=serialize_item(key), UpdateExpression=changes, **given
        )
        return attributes if holds else None

    def _delete(self, key: Item, condition: str = "", values: Item = _NO_VALUES, **given: Any) -> Item | None:
        """The item as it was; None where there was none, too."""
        _, item = self._write(
            self._client.delete_item, condition, values, Key=serialize_item(key), ReturnValues="ALL_OLD", **given
        )
        return item or None

    def _write(
        self, call: Callable[..., Mapping[str, Any]], condition: str, values: Item = _NO_VALUES, **given: Any
    ) -> tuple[bool, Item]:
        """Whether the condition holds, and the attributes that the call was asked to return in that case."""
        expressions = {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": _names(condition + given.get("UpdateExpression", "")),
            "ExpressionAttributeValues": serialize_item(values),
            **given,
        }
        try:  # DynamoDB refuses empty parameters
            answer = call(TableName=self._table, **{name: value for name, value in expressions.items() if value})
        except self._client.exceptions.ConditionalCheckFailedException as error:
            refusal: Any = error.response  # the stubs do not know the item in it
            return False, deserialize_item(refusal.get("Item", {}))
        return True, deserialize_item(answer.get("Attributes", {}))

    def _put_all(self, items: Iterable[Item]) -> None:
        self._write_all([{"PutRequest": {"Item": serialize_item(item)}} for item in items])

    def _delete_all(self, keys: Iterable[Item]) -> None:
        self._write_all([{"DeleteRequest": {"Key": serialize_item(key)}} for key in keys])

    def _write_all(self, requests: Sequence[Item]) -> None:
        """Makes every request, of different items each; what DynamoDB leaves is sent again."""
        left: list[Any] = list(requests)
        while left:
            these, left = left[:_MOST_WRITES], left[_MOST_WRITES:]
            answer = self._client.batch_write_item(RequestItems={self._table: these})
            left += answer["UnprocessedItems"].get(self._table, [])


def _names(expressions: str) -> dict[str, str]:
    return {f"#{name}": name for name in _NAME.findall(expressions)}


def item_key(owner: str, name: str) -> Item:
    return {"owner": owner, "id": name}


def set_and_remove(written: Iterable[str], removed: Sequence[str]) -> str:
    """The update expression that gives each attribute in `written` the value `:name`, and removes the others."""
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in written)
    return changes + (" REMOVE " + ", ".join(f"#{name}" for name in removed) if removed else "")
