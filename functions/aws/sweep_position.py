"""Where the last sweep stopped, in the job table under a reserved `#` partition key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY: dict[str, Any] = {"owner": {"S": "#sweep"}, "id": {"S": "position"}}


class DynamoSweepPosition:
    """functions.cleanup.ports.SweepPosition over DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def load(self) -> Mapping[str, str]:
        item = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True).get("Item", {})
        return {name: value["S"] for name, value in item.get("stopped_at", {}).get("M", {}).items()}

    def save(self, position: Mapping[str, str]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_KEY,
            UpdateExpression="SET stopped_at = :position",
            ExpressionAttributeValues={":position": {"M": {name: {"S": value} for name, value in position.items()}}},
        )
