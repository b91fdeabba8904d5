from __future__ import annotations

from typing import Any

import pytest

from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.costs.ports import Charge, DayLedger
from functions.scheduling.ports import SchedulingTable
from tests.functions.aws.emulated_dynamodb import new_client, new_table

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
# More machines than a day's ledger has items for one owner.
MANY = [Charge(DAY, "alice", f"i-{number:017x}", 1_000 + number) for number in range(40)]
BOBS, BOBBYS = Charge(DAY, "bob", "i-b", 7), Charge(DAY, "bobby", "i-c", 5)


@pytest.fixture
def table(dynamodb: tuple[Any, str]) -> SchedulingTable:
    return DynamoSchedulingTable(*dynamodb)


def test_a_days_ledger_adds_up_what_machines_have_cost(table: SchedulingTable) -> None:
    charges = [*MANY, BOBS, BOBBYS]
    for charge in charges:
        table.charge(charge)
    machines = frozenset(charge.instance_id for charge in charges)
    total = sum(charge.micro_usd for charge in MANY)
    assert table.ledger(DAY) == DayLedger(DAY, {"alice": total, "bob": 7, "bobby": 5}, machines)
    assert table.ledger(DAY, "bob") == DayLedger(DAY, {"bob": 7}, frozenset({"i-b"}))
    assert table.ledger(NEXT_DAY) == DayLedger(NEXT_DAY)


def test_a_machine_is_entered_once_however_often_its_end_is_dealt_with(table: SchedulingTable) -> None:
    table.charge(BOBS)
    table.charge(BOBS)
    table.charge(Charge(DAY, "bob", "i-b", 9))
    assert table.ledger(DAY).spent == {"bob": 7}


def test_a_days_ledger_goes_by_itself_after_five_weeks() -> None:
    client = new_client()
    name = new_table(client)
    DynamoSchedulingTable(client, name).charge(BOBS)
    (item,) = client.scan(TableName=name)["Items"]
    assert item["owner"] == {"S": "#ledger/2026-01-31"}
    assert item["expires_at"] == {"N": "1772841600"}  # 2026-03-07T00:00:00Z
