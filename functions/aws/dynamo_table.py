"""One DynamoDB table with hash key `owner` and range key `id`: the calls that its adapters share.

In their expressions `#name` stands for the attribute `name`, since DynamoDB reserves many words; a call that names its
attributes otherwise passes `ExpressionAttributeNames`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

# In one BatchWriteItem (DynamoDB API reference).
_MOST_WRITES = 25
_NAME = re.compile(r"#(\w+)")


class DynamoTable:
    """Every read is strongly consistent. A conditional write answers None where its condition does not hold."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def _get(self, key: Item) -> Item | None:
        return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _all(self, owner: str, ids: str = "", values: Item | None = None, **given: Any) -> list[Item]:
        """The items of an owner; `ids` is a further condition, for the range key."""
        return [item for page in self._pages(owner, ids, values, **given) for item in page["Items"]]

    def _pages(self, owner: str, ids: str = "", values: Item | None = None, **given: Any) -> Iterable[Any]:
        return self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#owner = :owner" + ids,
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": owner}, **(values or {})},
            ConsistentRead=True,
            **given,
        )

    def _put(self, item: Item, condition: str = "", values: Item | None = None) -> bool:
        """Whether the item was written."""
        return self._write(self._client.put_item, condition, values, Item=item) is not None

    def _update(
        self, key: Item, changes: str, values: Item | None = None, condition: str = "", **given: Any
    ) -> Item | None:
        """The attributes that the call was asked to return."""
        answer = self._write(self._client.update_item, condition, values, Key=key, UpdateExpression=changes, **given)
        return None if answer is None else answer.get("Attributes", {})

    def _delete(self, key: Item, condition: str = "", values: Item | None = None, **given: Any) -> Item | None:
        """The item as it was; None where there was none, too."""
        answer = self._write(self._client.delete_item, condition, values, Key=key, ReturnValues="ALL_OLD", **given)
        return None if answer is None else answer.get("Attributes")

    def _write(
        self, call: Callable[..., Mapping[str, Any]], condition: str, values: Item | None, **given: Any
    ) -> Mapping[str, Any] | None:
        expressions = {
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {
                f"#{name}": name for name in _NAME.findall(condition + given.get("UpdateExpression", ""))
            },
            "ExpressionAttributeValues": values,
            **given,
        }
        try:  # DynamoDB refuses empty parameters
            return call(TableName=self._table, **{name: value for name, value in expressions.items() if value})
        except self._client.exceptions.ConditionalCheckFailedException:
            return None

    def _write_all(self, requests: Sequence[Item]) -> None:
        """Makes every `PutRequest` and `DeleteRequest`, of different items each; what DynamoDB leaves is sent again."""
        left: list[Any] = list(requests)
        while left:
            these, left = left[:_MOST_WRITES], left[_MOST_WRITES:]
            answer = self._client.batch_write_item(RequestItems={self._table: these})
            left += answer["UnprocessedItems"].get(self._table, [])


def set_and_remove(written: Iterable[str], removed: Sequence[str]) -> str:
    """The update expression that gives each attribute in `written` the value `:name`, and removes the others."""
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in written)
    return changes + (" REMOVE " + ", ".join(f"#{name}" for name in removed) if removed else "")
