"""What owners have uploaded and copied, in the job table: an item for each day and owner, for two days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Owners are token subjects or "anonymous"; none begins with "#".
_PARTITION = "#usage/"
_KEPT = timedelta(days=2)


class DynamoUsageTable:
    """functions.submission.quotas.UsageTable over DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, owner: str, day: str, size: int, limit: int) -> bool:
        if size > limit:
            return False
        until = datetime.fromisoformat(day).replace(tzinfo=UTC) + _KEPT
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"owner": {"S": _PARTITION + day}, "id": {"S": owner}},
                UpdateExpression="ADD uploaded :size SET expires_at = :until",
                ConditionExpression="attribute_not_exists(uploaded) OR uploaded <= :room",
                ExpressionAttributeValues={
                    ":size": {"N": str(size)},
                    ":room": {"N": str(limit - size)},
                    ":until": {"N": str(int(until.timestamp()))},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
