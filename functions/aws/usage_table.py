"""What owners have uploaded and copied, in the job table: an item for each day and owner, for two days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from functions.aws.dynamo_table import DynamoTable, item_key

# Owners are token subjects or "anonymous"; none begins with "#".
_PARTITION = "#usage/"
_KEPT = timedelta(days=2)


class DynamoUsageTable(DynamoTable):
    """functions.submission.quotas.UsageTable over DynamoDB."""

    def add(self, owner: str, day: str, size: int, limit: int) -> bool:
        if size > limit:
            return False
        until = datetime.fromisoformat(day).replace(tzinfo=UTC) + _KEPT
        added = self._update(
            item_key(_PARTITION + day, owner),
            "ADD uploaded :size SET expires_at = :until",
            {":size": size, ":room": limit - size, ":until": int(until.timestamp())},
            "attribute_not_exists(uploaded) OR uploaded <= :room",
        )
        return added is not None
