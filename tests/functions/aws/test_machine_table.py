"""The machines in DynamoDB and the fake that the core's tests use answer alike: each test runs against both."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.aws.machine_table import DynamoMachineTable
from functions.execution.ports import MachineAssignment, MachineTable
from functions.jobs import clock
from tests.functions.aws.emulated_dynamodb import new_client, new_table
from tests.functions.fakes.job_table import JOB_ID
from tests.functions.fakes.machine_table import FakeMachineTable

MACHINE = MachineAssignment("i-1", "alice", JOB_ID, 1)


@pytest.fixture(params=["fake", "dynamodb"])
def table(request: pytest.FixtureRequest) -> MachineTable:
    if request.param == "fake":
        return FakeMachineTable()
    client = new_client()
    return DynamoMachineTable(client, new_table(client))


def test_news_of_a_machine_that_is_not_ours_is_not_kept(table: MachineTable) -> None:
    assert table.report("i-other", "terminated") is None
    assert not table.has_event("i-other")


def test_news_is_there_until_somebody_takes_notice_of_it(table: MachineTable) -> None:
    table.add(MACHINE)
    assert not table.has_event("i-1")
    table.report("i-1", "terminated")
    assert table.has_event("i-1")
    assert table.store_token("i-1", "token").has_event
    assert not table.has_event("i-1")


def test_who_parks_is_told_to_who_reports(table: MachineTable) -> None:
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


def test_nobody_waits_for_a_machine_that_was_never_entered() -> None:
    client = new_client()
    with pytest.raises(LookupError, match="i-1"):
        DynamoMachineTable(client, new_table(client)).store_token("i-1", "token")


def test_who_waits_for_the_end_is_told_to_who_reports_and_waits_for_nothing_else(table: MachineTable) -> None:
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


def test_nobody_waits_for_the_end_of_a_machine_that_was_never_entered(table: MachineTable) -> None:
    with pytest.raises(LookupError, match="i-1"):
        table.store_end_token("i-1", "token")


def test_more_machines_than_one_write_takes_are_queued_and_taken_out_again(table: MachineTable) -> None:
    ids = [f"i-{number:03}" for number in range(60)]
    table.queue_ends(ids)
    table.queue_ends(ids[:1])
    assert list(table.queued_ends()) == ids
    table.unqueue_ends(ids[10:])
    assert list(table.queued_ends()) == ids[:10]


def test_a_machine_that_was_queued_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    client = new_client()
    table = DynamoMachineTable(client, new_table(client))
    long_ago = clock.utc_now() - timedelta(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "utc_now", lambda: long_ago)
        table.queue_ends(["i-1"])
    assert table.queued_ends() == []
