from __future__ import annotations

from typing import Any

import pytest

from functions.aws.machine_table import DynamoMachineTable
from functions.execution.ports import MachineAssignment, MachineTable
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID

MACHINE = MachineAssignment("i-1", "alice", JOB_ID, 1)


@pytest.fixture
def table(dynamodb: tuple[Any, str]) -> MachineTable:
    return DynamoMachineTable(*dynamodb)


def test_an_event_of_a_machine_that_is_not_ours_is_not_kept(table: MachineTable) -> None:
    assert table.report("i-other", "terminated") is None
    assert not table.has_event("i-other")


def test_an_event_is_kept_until_it_is_taken(table: MachineTable) -> None:
    table.add(MACHINE)
    assert not table.has_event("i-1")
    table.report("i-1", "terminated")
    assert table.has_event("i-1")
    assert table.store_token("i-1", "token").has_event
    assert not table.has_event("i-1")


def test_a_stored_token_is_given_to_the_reporter(table: MachineTable) -> None:
    table.add(MACHINE)
    assert not table.store_token("i-1", "token").has_event
    waiter = table.report("i-1", "Success")
    assert waiter
    assert (waiter.machine, waiter.token) == (MACHINE, "token")


def test_entering_a_machine_again_keeps_what_is_known_of_it(table: MachineTable) -> None:
    table.add(MACHINE)
    table.store_token("i-1", "token")
    table.report("i-1", "terminated")
    table.add(MACHINE)
    assert table.has_event("i-1")
    waiter = table.report("i-1", "terminated")
    assert waiter
    assert waiter.token == "token"


def test_no_token_is_stored_for_a_machine_that_was_never_added(table: MachineTable) -> None:
    for store in (table.store_token, table.store_end_token):
        with pytest.raises(LookupError, match="i-1"):
            store("i-1", "token")


def test_a_token_that_waits_for_the_end_is_given_to_its_report_alone(table: MachineTable) -> None:
    table.add(MACHINE)
    table.store_token("i-1", "token")
    table.report("i-1", "Success")
    assert not table.store_end_token("i-1", "end-token")
    assert not table.has_event("i-1")
    waiter = table.report("i-1", "shutting-down")
    assert waiter
    assert (waiter.token, waiter.end_token) == (None, "end-token")


def test_an_end_that_was_reported_stays_known(table: MachineTable) -> None:
    table.add(MACHINE)
    assert not table.has_ended("i-1")
    table.report("i-1", "terminated", is_end=True)
    table.report("i-1", "shutting-down")
    assert table.has_ended("i-1")
    assert table.store_end_token("i-1", "token")
    assert table.has_ended("i-1")


def test_more_machines_than_one_write_takes_are_queued_and_taken_out_again(table: MachineTable) -> None:
    ids = [f"i-{number:03}" for number in range(60)]
    table.queue_ends(ids)
    table.queue_ends(ids[:1])
    assert list(table.queued_ends()) == ids
    table.unqueue_ends(ids[10:])
    assert list(table.queued_ends()) == ids[:10]


def test_a_machine_that_was_queued_long_ago_is_forgotten(table: MachineTable, stopped_clock: StoppedClock) -> None:
    table.queue_ends(["i-1"])
    stopped_clock.go_on(3_600)
    assert table.queued_ends() == []
