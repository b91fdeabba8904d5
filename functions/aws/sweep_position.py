"""Where the last sweep stopped, in the job table under a reserved `#` partition key."""

from __future__ import annotations

from collections.abc import Mapping

from functions.aws.dynamo_table import DynamoTable, item_key

_KEY = item_key("#sweep", "position")


class DynamoSweepPosition(DynamoTable):
    """functions.cleanup.sweeper.SweepPosition over DynamoDB."""

    def load(self) -> Mapping[str, str]:
        position: Mapping[str, str] = (self._get(_KEY) or {}).get("stopped_at", {})
        return position

    def save(self, position: Mapping[str, str]) -> None:
        self._update(_KEY, "SET stopped_at = :position", {":position": position})
