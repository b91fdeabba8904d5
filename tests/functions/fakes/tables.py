"""The real tables, each over an empty DynamoDB in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from functions.aws.machine_table import DynamoMachineTable
from functions.aws.scheduling_table import DynamoSchedulingTable
from simulation.dynamodb import TABLE, DynamoDb

T = TypeVar("T")


def in_memory(table: Callable[[Any, str], T]) -> T:
    return table(DynamoDb().client, TABLE)


def new_machine_table() -> DynamoMachineTable:
    return in_memory(DynamoMachineTable)


def new_scheduling_table() -> DynamoSchedulingTable:
    return in_memory(DynamoSchedulingTable)
