"""What machines have cost, in the job table: for each day of launch and each owner a few items that add up.

An item has the sum and the ids of the machines that are in it, so one conditional write enters a machine once and not
twice. A few items rather than one: no item takes many writes at once, nor grows large, when thousands of machines end.
"""

from __future__ import annotations

import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta

from functions.aws.dynamo_table import DynamoTable, item_key
from functions.costs.ports import Charge, DayLedger
from functions.jobs.isolation import isolated

# Owners are token subjects or "anonymous"; none begins with "#".
_OWNER = "#ledger/"
_ITEMS = 16
# Long enough to look back at a month.
_KEPT = timedelta(days=35)


class DynamoLedger(DynamoTable):
    """The ledger of functions.scheduling.ports.SchedulingTable over DynamoDB."""

    def charge(self, charge: Charge) -> None:
        number = zlib.crc32(charge.instance_id.encode()) % _ITEMS
        until = datetime.fromisoformat(charge.day).replace(tzinfo=UTC) + _KEPT
        # Where the condition does not hold, it was entered before.
        self._update(
            item_key(_OWNER + charge.day, f"{charge.owner}/{number:02}"),
            "ADD micro_usd :cost, machines :these SET expires_at = :until",
            {
                ":cost": charge.micro_usd,
                ":these": {charge.instance_id},
                ":this": charge.instance_id,
                ":until": int(until.timestamp()),
            },
            "attribute_not_exists(machines) OR NOT contains(machines, :this)",
        )

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        spent: Counter[str] = Counter()
        machines: set[str] = set()
        of_owner = (" AND begins_with(id, :prefix)", {":prefix": f"{owner}/"}) if owner else ()
        for item in self._all(_OWNER + day, *of_owner):
            with isolated("read the ledger", item["id"]):
                spent[item["id"].rpartition("/")[0]] += int(item["micro_usd"])
                machines |= set(item["machines"])
        return DayLedger(day, dict(spent), frozenset(machines))
