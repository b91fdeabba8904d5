"""Where the last sweep stopped, in the job table under a reserved `#` partition key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.aws.dynamo_table import DynamoTable

_KEY: dict[str, Any] = {"owner": {"S": "#sweep"}, "id": {"S": "position"}}


class DynamoSweepPosition(DynamoTable):
    """functions.cleanup.sweeper.SweepPosition over DynamoDB."""

    def load(self) -> Mapping[str, str]:
        item = self._get(_KEY) or {}
        return {name: value["S"] for name, value in item.get("stopped_at", {}).get("M", {}).items()}

    def save(self, position: Mapping[str, str]) -> None:
        stopped_at = {"M": {name: {"S": value} for name, value in position.items()}}
        self._update(_KEY, "SET stopped_at = :position", {":position": stopped_at})
