from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.scheduling.warm_pool_ports import Claim, PooledMachine, WarmPoolTable
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.warm_pool import pooled

NOW = "2026-01-31T09:15:00.000Z"
NEW = pooled(stop_asked_at=None, is_ready=False)


@pytest.fixture
def table(dynamodb: tuple[Any, str], stopped_clock: StoppedClock) -> WarmPoolTable:
    return DynamoWarmPoolTable(*dynamodb)


def ready(table: WarmPoolTable, instance_id: str = "i-p1") -> PooledMachine:
    table.add([replace(NEW, instance_id=instance_id)])
    assert table.ask_stop(instance_id)
    machine = read(table, instance_id)
    assert table.make_ready(machine)
    return read(table, instance_id)


def read(table: WarmPoolTable, instance_id: str = "i-p1") -> PooledMachine:
    (machine,) = [one for one in table.machines() if one.instance_id == instance_id]
    return machine


def test_a_machine_is_read_as_it_was_written(table: WarmPoolTable) -> None:
    table.add([NEW, replace(NEW, instance_id="i-p2")])
    assert table.machines() == [NEW, replace(NEW, instance_id="i-p2")]


def test_only_a_ready_machine_can_be_claimed(table: WarmPoolTable) -> None:
    table.add([NEW])
    assert table.claim("i-p1", "token") is None
    assert table.claim("unknown", "token") is None
    machine = ready(table)
    assert table.claim("i-p1", "token") == replace(machine, claim=Claim("token", NOW))


def test_a_claim_is_for_one_batch_however_often_that_makes_it(
    table: WarmPoolTable, stopped_clock: StoppedClock
) -> None:
    ready(table)
    assert table.claim("i-p1", "token")
    stopped_clock.go_on(60)
    again = table.claim("i-p1", "token")
    assert again is not None
    assert again.claim == Claim("token", "2026-01-31T09:16:00.000Z")
    assert table.claim("i-p1", "other") is None


def test_a_ready_or_claimed_machine_is_not_asked_to_stop(table: WarmPoolTable) -> None:
    ready(table)
    assert not table.ask_stop("i-p1")
    assert not table.ask_stop("unknown")
    assert table.claim("i-p1", "token")
    assert not table.ask_stop("i-p1")


def test_a_machine_that_was_asked_to_stop_again_meanwhile_is_not_made_ready(
    table: WarmPoolTable, stopped_clock: StoppedClock
) -> None:
    table.add([NEW])
    assert table.ask_stop("i-p1")
    before = read(table)
    stopped_clock.go_on(1)
    assert table.ask_stop("i-p1")
    assert not table.make_ready(before)
    assert table.make_ready(read(table))


def test_a_claim_is_released_only_as_it_was_read(table: WarmPoolTable, stopped_clock: StoppedClock) -> None:
    machine = ready(table)
    assert not table.release(machine)
    table.claim("i-p1", "token")
    before = read(table)
    stopped_clock.go_on(1)
    table.claim("i-p1", "token")
    assert not table.release(before)
    assert table.release(read(table))
    assert read(table) == machine
    assert table.claim("i-p1", "other")


def test_a_machine_is_removed_only_as_it_was_read(table: WarmPoolTable) -> None:
    unclaimed = ready(table)
    table.claim("i-p1", "token")
    assert not table.remove(unclaimed)
    assert not table.remove(replace(unclaimed, claim=Claim("other", NOW)))
    assert table.remove(read(table))
    assert table.machines() == []
    assert not table.remove(unclaimed)
