from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from functions.aws.job_table import DynamoJobTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.execution.ports import MachineAssignment
from functions.jobs import clock
from functions.jobs.errors import LeaseLost
from functions.jobs.job import Run
from functions.scheduling.ports import MAX_BATCH, Batch, BatchResult, Candidate, Lease, SchedulingTable, Slot
from simulation.dynamodb import TABLE, DynamoDb
from tests.functions.aws.emulated_dynamodb import new_client, new_table
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, a_job
from tests.functions.fakes.machines import a_machine

FIRST, LATER = Run("alice", JOB_ID), Run("bob", OTHER_ID)
SECOND_RUN = Run("alice", JOB_ID, 2)
LEASE_SECONDS = 60
BATCH = Batch("token", Candidate("t4g.small", "subnet-1", "spot"), ((FIRST, 1), (LATER, 3)))

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def table(dynamodb: tuple[Any, str]) -> SchedulingTable:
    return DynamoSchedulingTable(*dynamodb)


def taken(table: SchedulingTable, name: str = "leader") -> Lease:
    lease = table.acquire_lease(name)
    assert lease is not None
    return lease


def test_a_queue_entry_keeps_its_start_whatever_the_number_of_tries(
    table: SchedulingTable, stopped_clock: StoppedClock
) -> None:
    first = table.enqueue(FIRST, 1, "token-1")
    stopped_clock.go_on(30)
    again = table.enqueue(FIRST, 2, "token-2")
    assert (again.run, again.attempt, again.token) == (FIRST, 2, "token-2")
    assert again.since == first.since
    assert table.entry(FIRST) == again
    assert table.oldest(10) == [again]
    table.remove(FIRST)
    assert table.enqueue(FIRST, 2, "token-3").since > first.since, "a place given up and taken again is a new one"


def test_a_queue_entry_names_the_requested_type_and_until_when_its_run_is_left_alone(table: SchedulingTable) -> None:
    until = "2026-01-31T09:16:00.000Z"
    table.enqueue(FIRST, 1, "token-1", "c7g.large", until)
    table.enqueue(LATER, 1, "token-2")
    found = [(entry.requested_type, entry.quiet_until) for entry in table.oldest(10)]
    assert found == [("c7g.large", until), (None, None)]


def test_the_queue_is_in_the_order_of_waiting_whatever_the_jobs_ids(
    table: SchedulingTable, stopped_clock: StoppedClock
) -> None:
    table.enqueue(SECOND_RUN, 2, "token-1")
    stopped_clock.go_on(1)
    table.enqueue(LATER, 1, "token-2")
    stopped_clock.go_on(1)
    table.enqueue(FIRST, 1, "token-3")
    assert [entry.run for entry in table.oldest(10)] == [SECOND_RUN, LATER, FIRST]


def test_the_entries_of_one_owner_hide_no_other_owners(table: SchedulingTable) -> None:
    """Owners whose names begin alike, or sort before the separator of the key, are owners of their own."""
    owners = ["ali", "alice", "alice-2", "alice0", "bob"]
    runs = [Run(owner, f"{owner}-{number:03}") for owner in owners for number in range(7 if owner == "alice" else 3)]
    for run in runs:
        table.enqueue(run, 1, "token")
    for limit in (1, 2, 3, 5, 50):
        found = [entry.run for entry in table.oldest(limit)]
        expected = [run for owner in owners for run in [each for each in runs if each.owner == owner][:limit]]
        assert sorted(found, key=runs.index) == expected


@pytest.mark.parametrize(
    ("runs", "asked"),
    [
        ([Run(f"owner-{number:03}", "job") for number in range(120)], [6, 12, 24, 48, 96]),
        ([*(Run("alice", f"job-{number:03}") for number in range(100)), LATER], [6, 6]),
    ],
    ids=["many owners with an entry each", "many entries of one owner"],
)
def test_the_queue_is_read_in_few_queries(runs: list[Run], asked: list[int]) -> None:
    client = new_client()
    table = DynamoSchedulingTable(client, new_table(client))
    for run in runs:
        table.enqueue(run, 1, "token")
    limits: list[int] = []
    client.meta.events.register("provide-client-params.dynamodb", lambda params, **_: limits.append(params["Limit"]))
    assert {entry.run.owner for entry in table.oldest(6)} == {run.owner for run in runs}
    assert limits == asked


def test_entries_under_another_name_than_their_runs_are_left_to_the_sweeper() -> None:
    client = new_client()
    name = new_table(client)
    table = DynamoSchedulingTable(client, name)
    table.enqueue(FIRST, 1, "token")
    (item,) = client.scan(TableName=name)["Items"]
    for number in range(12):
        client.put_item(TableName=name, Item={**item, "id": {"S": f"0192-{number:02}"}})
    assert [entry.run for entry in table.oldest(5)] == [FIRST]
    assert len(table.drop_unreadable()) == 12
    assert [entry.run for entry in table.oldest(5)] == [FIRST]


@pytest.mark.parametrize("attributes", [{}, {"attempt": {"N": "1"}}, {"since": {"S": "yesterday"}}])
def test_an_entry_that_is_written_while_unreadable_ones_are_dropped_is_kept(
    dynamodb: tuple[Any, str], monkeypatch: pytest.MonkeyPatch, attributes: dict[str, Any]
) -> None:
    table = DynamoSchedulingTable(*dynamodb)
    key = {"owner": {"S": "#queue"}, "id": {"S": f"{FIRST.owner}/{FIRST.name}"}}
    read = table._pages

    def written_right_after(owner: str) -> list[Any]:
        pages = list(read(owner))
        if owner == "#queue":
            table.remove(FIRST)
            table.enqueue(FIRST, 1, "token")
        return pages

    table._client.put_item(TableName=table._table, Item={**key, **attributes})
    with monkeypatch.context() as patch:
        patch.setattr(table, "_pages", written_right_after)
        assert table.drop_unreadable() == []
    assert table.entry(FIRST)
    table._client.put_item(TableName=table._table, Item={**key, **attributes})
    assert table.drop_unreadable() == [f"{FIRST.owner}/{FIRST.name}"]
    assert table.entry(FIRST) is None


def test_only_the_named_attempt_of_the_named_run_leaves_and_once(table: SchedulingTable) -> None:
    assert table.remove(FIRST, 1) is None
    first, second = table.enqueue(FIRST, 2, "token-1"), table.enqueue(SECOND_RUN, 3, "token-2")
    assert table.remove(FIRST, 1) is None
    assert table.entry(FIRST) == first
    assert table.remove(FIRST, 2) == first
    assert (table.remove(FIRST, 2), table.remove(FIRST), table.entry(FIRST)) == (None, None, None)
    assert table.oldest(10) == [second]
    assert table.remove(SECOND_RUN) == second


def test_a_slot_comes_back_with_its_machine_and_when_that_is_expected_online(table: SchedulingTable) -> None:
    slot = Slot(FIRST, a_machine(), "2026-01-31T09:15:23.000Z")
    assert table.slot(FIRST) is None
    for _ in range(2):
        table.grant_slots([slot])
    assert table.slot(FIRST) == slot
    assert table.slots() == [slot]


def test_slots_that_dynamodb_leaves_out_of_a_batch_are_granted_all_the_same(
    dynamodb: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A throttled BatchWriteItem writes some, and answers the rest as unprocessed (DynamoDB API reference)."""
    client, name = dynamodb
    write = client.batch_write_item

    def reluctant(*, RequestItems: Any) -> Any:  # noqa: N803  # boto3's
        first, *rest = RequestItems[name]
        write(RequestItems={name: [first]})
        return {"UnprocessedItems": {name: rest} if rest else {}}

    monkeypatch.setattr(client, "batch_write_item", reluctant)
    table = DynamoSchedulingTable(client, name)
    table.grant_slots([Slot(FIRST, a_machine("i-1")), Slot(LATER, a_machine("i-2"))])
    assert [slot.run for slot in table.slots()] == [FIRST, LATER]


def test_slots_are_listed_oldest_job_first(table: SchedulingTable) -> None:
    later, first = Slot(LATER, a_machine("i-2")), Slot(FIRST, a_machine("i-1"))
    table.grant_slots([later])
    table.grant_slots([first])
    assert table.slots() == [first, later]
    assert table.slot_count() == 2


def test_slots_are_counted_without_being_read_over_all_pages() -> None:
    client = new_client()
    asked: list[dict[str, Any]] = []
    client.meta.events.register("provide-client-params.dynamodb", lambda params, **_: asked.append(params))
    with Stubber(client) as stub:
        stub.add_response("query", {"Count": 1_500, "LastEvaluatedKey": {"owner": {"S": "#slot"}, "id": {"S": "1"}}})
        stub.add_response("query", {"Count": 7})
        assert DynamoSchedulingTable(client, "jobs").slot_count() == 1_507
    assert [each["Select"] for each in asked] == ["COUNT", "COUNT"]


def test_a_slot_is_freed_by_its_own_machine_only_and_once(table: SchedulingTable) -> None:
    table.grant_slots([Slot(FIRST, a_machine("i-1"))])
    table.release_slot(FIRST, "i-2")
    assert len(table.slots()) == 1
    for _ in range(2):
        table.release_slot(FIRST, "i-1")
    assert table.slots() == []


def test_a_call_that_was_held_up_does_not_bring_back_its_token_whenever_it_writes(
    table: SchedulingTable, stopped_clock: StoppedClock
) -> None:
    table.enqueue(SECOND_RUN, 1, "later", order="2")
    stopped_clock.go_on(5)
    assert table.enqueue(SECOND_RUN, 1, "held-up", order="1").token == "later"
    entry = table.entry(SECOND_RUN)
    assert entry
    assert entry.token == "later"


def test_a_later_try_takes_the_place_over_whatever_its_clock_says(
    table: SchedulingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.enqueue(SECOND_RUN, 1, "first", order="1")
    earlier = clock.utc_now() - timedelta(seconds=5)
    monkeypatch.setattr(clock, "utc_now", lambda: earlier)
    assert table.enqueue(SECOND_RUN, 1, "second", order="2").token == "second"


def test_the_same_holder_takes_its_lease_over_at_once_and_ends_the_earlier_one(table: SchedulingTable) -> None:
    before = taken(table, "one")
    table.save_batch(before, BATCH)
    after = taken(table, "one")
    assert after.batch == BATCH
    with pytest.raises(LeaseLost):
        table.save_batch(before, BATCH)
    with pytest.raises(LeaseLost):
        table.release_lease(before, BatchResult(1))
    table.release_lease(after, BatchResult(1))


def test_a_leader_that_is_never_heard_of_again_loses_the_lead(
    table: SchedulingTable, stopped_clock: StoppedClock
) -> None:
    lost = taken(table, "one")
    assert (lost.limit, lost.batch) == (MAX_BATCH, None)
    table.save_batch(lost, BATCH)
    stopped_clock.go_on(LEASE_SECONDS - 1)
    assert table.acquire_lease("another") is None
    stopped_clock.go_on(2)
    assert taken(table, "another").batch == BATCH
    with pytest.raises(LeaseLost):
        table.save_batch(lost, BATCH)


def test_a_lease_is_free_whatever_the_next_holders_clock_says(
    table: SchedulingTable, stopped_clock: StoppedClock
) -> None:
    table.release_lease(taken(table, "one"), BatchResult(7))
    stopped_clock.go_on(-5)
    assert table.acquire_lease("another")


def test_the_next_holder_finds_the_limit_and_only_what_is_unfinished(table: SchedulingTable) -> None:
    lease = taken(table, "one")
    table.save_batch(lease, BATCH)
    table.release_lease(lease, BatchResult(7, unfinished=BATCH))
    after = taken(table, "another")
    assert (after.limit, after.batch) == (7, BATCH)
    table.release_lease(after, BatchResult(7))
    assert taken(table, "one").batch is None


def test_the_lines_items_are_nobodys_jobs_and_no_open_ones(dynamodb: tuple[Any, str], table: SchedulingTable) -> None:
    jobs = DynamoJobTable(*dynamodb)
    jobs.add(a_job())
    table.enqueue(FIRST, 1, "token")
    table.grant_slots([Slot(FIRST, a_machine())])
    taken(table)
    DynamoMachineTable(*dynamodb).add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    assert [job.id for job in jobs.page("alice", 10, None).jobs] == [JOB_ID]
    assert [job_id for _, job_id in jobs.open_keys()] == [JOB_ID]


def test_a_long_queue_is_read_in_pages_and_no_further_than_asked(table: SchedulingTable) -> None:
    runs = [Run("alice", f"job-{number:03}") for number in range(130)]
    for run in runs:
        table.enqueue(run, 1, "t" * 20_000)  # a page of DynamoDB's ends at 1 MB
    assert [entry.run for entry in table.oldest(100)] == runs[:100]


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (lambda table: table.oldest(5), "query"),
        (lambda table: table.slots(), "query"),
        (lambda table: table.slot_count(), "query"),
        (lambda table: table.entry(FIRST), "get_item"),
        (lambda table: table.slot(FIRST), "get_item"),
    ],
)
def test_every_read_is_strongly_consistent(call: Any, operation: str) -> None:
    client = new_client()
    asked: list[dict[str, Any]] = []
    client.meta.events.register("provide-client-params.dynamodb", lambda params, **_: asked.append(params))
    with Stubber(client) as stub:
        stub.add_response(operation, {"Items": [], "Count": 0} if operation == "query" else {})
        call(DynamoSchedulingTable(client, "jobs"))
    assert [params["ConsistentRead"] for params in asked] == [True]


def test_a_batch_is_remembered_with_the_machines_of_the_pool_that_it_is_for(table: SchedulingTable) -> None:
    batch = replace(BATCH, pooled=("i-1", "i-2"))
    assert table.batch_under_way() is None
    table.save_batch(taken(table), Batch("earlier", BATCH.candidate, ()))
    table.save_batch(taken(table), batch)
    assert taken(table).batch == table.batch_under_way() == batch


def test_a_large_batch_takes_few_write_units_and_comes_back_in_its_order() -> None:
    db = DynamoDb()
    in_memory = DynamoSchedulingTable(db.client, TABLE)
    owners = [f"01926b3c-7f3e-7c2a-9d51-{number:012d}" for number in range(3)]
    attempts = tuple((Run(owners[number % 3], f"{OTHER_ID[:-3]}{number:03}", 2), 7) for number in range(MAX_BATCH))
    batch = replace(BATCH, attempts=attempts)
    in_memory.save_batch(taken(in_memory), batch)
    assert in_memory.batch_under_way() == batch
    assert db.size(("#lease", "launch")) < 26_000


def test_whom_a_leader_has_served_the_next_one_knows(table: SchedulingTable) -> None:
    assert table.last_served() == {}
    lease = taken(table, "one")
    assert lease.served == {}
    lease.served["alice"] = "2026-01-31T09:15:00.000Z"
    table.save_batch(lease, BATCH)
    table.release_lease(lease, BatchResult(7))
    assert table.last_served() == taken(table, "another").served == {"alice": "2026-01-31T09:15:00.000Z"}


def test_how_long_machines_boot_is_known_to_every_later_holder(table: SchedulingTable) -> None:
    table.note_boot("t4g.small", 21.3)
    assert not table.is_leased()
    lease = taken(table, "one")
    table.note_boot("c7g.large", 30.0)
    table.note_boot("t4g.small", 19.5)
    assert (lease.boots, table.is_leased()) == ({"t4g.small": 21.3}, True)
    table.release_lease(lease, BatchResult(7))
    assert taken(table, "another").boots == {"t4g.small": 19.5, "c7g.large": 30.0}
