from __future__ import annotations

from typing import Any

import pytest

from functions.aws.job_table import DynamoJobTable
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.jobs.errors import JobUnreadable
from functions.scheduling.ports import Batch, BatchResult, Candidate, LeaseState, Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, RUN, a_job
from tests.functions.fakes.machines import a_machine

SLOT = Slot(RUN, a_machine())
LEASE_SECONDS = 60


class Table:
    """One table, its adapters, and what was asked of it in how many calls."""

    def __init__(self, client: Any, name: str) -> None:
        self.client, self.name = client, name
        self.jobs, self.scheduling = DynamoJobTable(client, name), DynamoSchedulingTable(client, name)
        self.reader = DynamoRunReader(client, name)


@pytest.fixture
def table(dynamodb: tuple[Any, str]) -> Table:
    return Table(*dynamodb)


def test_what_there_is_not_is_none(table: Table) -> None:
    assert table.reader.job_and_slot(RUN) == (None, None)
    assert table.reader.before_launch(RUN) == (None, None, LeaseState(is_held=False))
    assert table.reader.at_end(RUN) == (None, None, False)


def test_job_slot_and_entry_are_those_of_the_run(table: Table) -> None:
    table.jobs.add(a_job())
    table.scheduling.grant_slots([SLOT])
    assert table.reader.job_and_slot(RUN) == (a_job(), SLOT)
    assert table.reader.at_end(RUN) == (a_job(), SLOT, False)
    table.scheduling.enqueue(RUN, 1, "token")
    assert table.reader.at_end(RUN) == (a_job(), SLOT, True)


def test_the_lease_is_taken_where_it_could_not_be_acquired(table: Table, stopped_clock: StoppedClock) -> None:
    lease = table.scheduling.acquire_lease("another")
    assert lease
    assert table.reader.before_launch(RUN)[2].is_held
    stopped_clock.go_on(LEASE_SECONDS + 1)
    assert not table.reader.before_launch(RUN)[2].is_held, "its holder is dead"
    lease = table.scheduling.acquire_lease(RUN.name)
    assert lease
    assert not table.reader.before_launch(RUN)[2].is_held, "its own earlier try holds it"
    table.scheduling.release_lease(lease, BatchResult(1))
    assert not table.reader.before_launch(RUN)[2].is_held


def test_the_slots_that_a_holder_has_counted_are_known_for_a_moment(table: Table, stopped_clock: StoppedClock) -> None:
    lease = table.scheduling.acquire_lease("another")
    assert lease
    assert table.reader.before_launch(RUN)[2] == LeaseState(is_held=True)
    lease.slots = 7
    table.scheduling.save_batch(lease, Batch("token", Candidate("t4g.small", "subnet-1", "spot"), ((RUN, 1),)))
    assert table.reader.before_launch(RUN)[2] == LeaseState(is_held=True, slots=7)
    lease.slots = 9
    table.scheduling.release_lease(lease, BatchResult(1))
    assert table.reader.before_launch(RUN)[2] == LeaseState(is_held=False, slots=9)
    stopped_clock.go_on(11)
    assert table.reader.before_launch(RUN)[2] == LeaseState(is_held=False)


def test_a_job_that_cannot_be_read_is_none_at_a_runs_end_only(table: Table) -> None:
    table.client.put_item(TableName=table.name, Item={"owner": {"S": "alice"}, "id": {"S": JOB_ID}})
    table.scheduling.grant_slots([SLOT])
    assert table.reader.at_end(RUN) == (None, SLOT, False)
    for read in (table.reader.job_and_slot, table.reader.before_launch):
        with pytest.raises(JobUnreadable):
            read(RUN)


def test_a_read_is_strongly_consistent_and_asks_again_for_what_was_left_out(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A throttled BatchGetItem answers what it has read, and the rest as unprocessed (DynamoDB API reference)."""
    table.jobs.add(a_job())
    table.scheduling.grant_slots([SLOT])
    read, asked = table.client.batch_get_item, list[Any]()

    def reluctant(*, RequestItems: Any) -> Any:  # noqa: N803  # boto3's
        ((name, wanted),) = RequestItems.items()
        asked.append(wanted)
        first, *rest = wanted["Keys"]
        answer = read(RequestItems={name: {**wanted, "Keys": [first]}})
        return {**answer, "UnprocessedKeys": {name: {**wanted, "Keys": rest}} if rest else {}}

    monkeypatch.setattr(table.client, "batch_get_item", reluctant)
    assert table.reader.job_and_slot(RUN) == (a_job(), SLOT)
    assert [len(wanted["Keys"]) for wanted in asked] == [2, 1]
    assert all(wanted["ConsistentRead"] for wanted in asked)
