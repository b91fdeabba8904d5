"""Many unconditional writes to a DynamoDB table in few calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# In one BatchWriteItem (DynamoDB API reference).
_MOST = 25


def write_all(client: DynamoDBClient, table: str, requests: Sequence[dict[str, Any]]) -> None:
    """Makes every `PutRequest` and `DeleteRequest`, of different items each; what DynamoDB leaves, it gets again."""
    left: list[Any] = list(requests)
    while left:
        these, left = left[:_MOST], left[_MOST:]
        answer = client.batch_write_item(RequestItems={table: these})
        left += answer["UnprocessedItems"].get(table, [])
