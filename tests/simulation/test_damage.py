"""A damaged item is to the tables in memory what it is to the real adapters, which run on an emulated DynamoDB here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.aws.machine_table import DynamoMachineTable
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.execution.ports import MachineAssignment, MachineTable
from functions.jobs.job import Run
from functions.scheduling.ports import SchedulingTable, Slot
from simulation.damage import Damage
from simulation.machine_table import SimulatedMachineTable
from simulation.scheduling_table import SimulatedSchedulingTable
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID
from tests.functions.fakes.machines import a_machine
from tests.simulation.test_tables import Both

WORST, GOOD = Run("mallory", JOB_ID), Run("alice", OTHER_ID)
KEY, ENTRY, SLOT, MACHINE = (
    ("mallory", JOB_ID),
    ("#queue", f"mallory/{WORST.name}"),
    ("#slot", JOB_ID),
    ("#machine", "i-1"),
)
_MOST = 400 * 1024


def change(both: Both, key: tuple[str, str], without: tuple[str, ...] | None = (), **attributes: Any) -> None:
    """Takes attributes of an item away, all where it is None, and gives it others."""
    keys: Any = {"owner": {"S": key[0]}, "id": {"S": key[1]}}
    item = both.client.get_item(TableName=both.name, Key=keys).get("Item", {})
    kept = {name: value for name, value in item.items() if without is not None and name not in without}
    both.client.put_item(TableName=both.name, Item={**kept, **keys, **attributes})


def fill(both: Both, key: tuple[str, str], made: Callable[[str], dict[str, Any]]) -> None:
    """Gives an item as much as DynamoDB takes."""
    for size in range(_MOST, 0, -10):
        with suppress(ClientError):
            change(both, key, **made("x" * size))
            return


def outcome(method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a call answers, or the name or code of its error."""
    try:
        answer = method(*arguments, **named)
    except ClientError as error:
        return error.response["Error"]["Code"]
    except Exception as error:  # noqa: BLE001  # it is the outcome
        return type(error).__name__
    return [*answer] if hasattr(answer, "__next__") else answer


ENTRIES: Mapping[Damage, Callable[[Both], None]] = {
    Damage.TOO_LARGE: lambda both: fill(both, ENTRY, lambda x: {"x": {"S": x}}),
    Damage.UNREADABLE: lambda both: change(both, ENTRY, since={"S": "long ago"}),
    Damage.HALF_DELETED: lambda both: change(both, ENTRY, None),
}


@pytest.mark.parametrize("damage", ENTRIES)
@pytest.mark.parametrize(
    "call", [("remove", WORST), ("remove", WORST, 1), ("enqueue", WORST, 1, "long" * 9, None, None, "2")]
)
def test_a_damaged_queue_entry(damage: Damage, call: tuple[Any, ...]) -> None:
    name, *arguments = call

    def asked(table: SchedulingTable) -> list[Any]:
        return [
            table.oldest(10),
            table.entry(WORST),
            outcome(getattr(table, name), *arguments),
            table.oldest(10),
            len(table.drop_unreadable()),
            table.oldest(10),
        ]

    both = Both()
    simulated, real = SimulatedSchedulingTable(both.clock, both.calls), DynamoSchedulingTable(both.client, both.name)
    with both.at_one_time():
        for run in (WORST, GOOD):
            simulated.enqueue(run, 1, "t", order="1")
            real.enqueue(run, 1, "t", order="1")
        ENTRIES[damage](both)
        simulated.damaged_entries[WORST.name] = damage
        assert asked(simulated) == asked(real)


SLOTS: Mapping[Damage, Callable[[Both], None]] = {
    Damage.UNREADABLE: lambda both: change(both, SLOT, ("machine",)),
    Damage.HALF_DELETED: lambda both: change(both, SLOT, None),
}


@pytest.mark.parametrize("damage", SLOTS)
@pytest.mark.parametrize("call", [("release_slot", WORST, "i-1"), ("grant_slots", [Slot(WORST, a_machine("i-3"))])])
def test_a_damaged_slot(damage: Damage, call: tuple[Any, ...]) -> None:
    name, *arguments = call

    def asked(table: SchedulingTable) -> list[Any]:
        told = [table.slots(), table.slot(WORST), getattr(table, name)(*arguments), table.slots()]
        return [*told, table.drop_unreadable(), table.slots()]

    both = Both()
    simulated, real = SimulatedSchedulingTable(both.clock, both.calls), DynamoSchedulingTable(both.client, both.name)
    with both.at_one_time():
        for table in (simulated, real):
            table.grant_slots([Slot(WORST, a_machine("i-1")), Slot(GOOD, a_machine("i-2"))])
        SLOTS[damage](both)
        simulated.damaged_slots[WORST.name] = damage
        assert asked(simulated) == asked(real)


MACHINES: Mapping[Damage, Callable[[Both], None]] = {
    Damage.TOO_LARGE: lambda both: fill(both, MACHINE, lambda x: {"x": {"S": x}}),
    Damage.HALF_DELETED: lambda both: change(both, MACHINE, ("job_owner", "job_id")),
}


@pytest.mark.parametrize("damage", MACHINES)
def test_a_damaged_machines_item(damage: Damage) -> None:
    def asked(table: MachineTable) -> list[Any]:
        return [
            outcome(table.store_token, "i-1", "token" * 9),
            outcome(table.report, "i-1", "news" * 9),
            outcome(table.has_event, "i-1"),
            outcome(table.report, "i-1", "terminated", is_end=True),
            outcome(table.has_ended, "i-1"),
            outcome(table.store_end_token, "i-1", "token" * 9),
        ]

    both = Both()
    simulated, real = SimulatedMachineTable(both.calls), DynamoMachineTable(both.client, both.name)
    for table in (simulated, real):
        table.add(MachineAssignment("i-1", *KEY, 1))
    MACHINES[damage](both)
    simulated.damaged["i-1"] = damage
    assert asked(simulated) == asked(real)
