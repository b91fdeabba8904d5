from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.aws.job_table import DynamoJobTable
from functions.cleanup.deletion import Tombstone
from functions.jobs.errors import ConcurrentChange, JobConflict, JobEnded, JobNotFound
from functions.jobs.ids import new_job_id
from functions.jobs.job import Job, JobStatus
from functions.jobs.run_guard import require_active
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import a_machine


@pytest.fixture
def table(dynamodb: tuple[Any, str]) -> DynamoJobTable:
    return DynamoJobTable(*dynamodb)


def read(table: DynamoJobTable) -> Job:
    job = table.get("alice", JOB_ID)
    assert job
    return job


def text(words: str) -> Callable[[Job], Job]:
    return lambda job: replace(job, input_text=job.input_text + words)


def test_a_job_that_is_there_is_answered_and_left_as_it_is(table: DynamoJobTable) -> None:
    job = a_job(machines=(a_machine(),))
    assert table.add(job) is None
    assert table.add(a_job(input_text="another")) == job
    assert table.get("alice", JOB_ID) == job
    assert table.get("bob", JOB_ID) is None


def test_a_change_is_written_with_a_new_revision(table: DynamoJobTable) -> None:
    table.add(a_job())
    changed = table.update("alice", JOB_ID, lambda job: job.moved(JobStatus.LAUNCHING).with_machine(a_machine()))
    assert (changed.revision, changed.status, changed.machines) == (2, JobStatus.LAUNCHING, (a_machine(),))
    assert table.update("alice", JOB_ID, lambda job: job) == changed, "no change, and so no revision"
    assert table.get("alice", JOB_ID) == changed
    with pytest.raises(JobNotFound):
        table.update("bob", JOB_ID, text("x"))


def test_what_a_change_takes_away_is_gone(table: DynamoJobTable) -> None:
    table.add(a_job(status=JobStatus.CANCELLED, instance_id="i-1", command_id="c-1"))
    table.update("alice", JOB_ID, lambda job: job.retried("2026-01-31T10:00:00.000Z"))
    job = read(table)
    assert (job.run, job.instance_id, job.command_id) == (2, None, None)


def test_two_who_change_a_job_at_once_both_have_their_way(table: DynamoJobTable) -> None:
    table.add(a_job(input_text=""))
    meddled = False

    def change(job: Job) -> Job:
        nonlocal meddled
        if not meddled:
            meddled = True
            table.update("alice", JOB_ID, text("one "))
        return text("two")(job)

    assert table.update("alice", JOB_ID, change).input_text == "one two"


def test_a_record_that_the_caller_has_read_is_not_read_again(
    table: DynamoJobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.add(a_job(input_text=""))
    known = table.get("alice", JOB_ID)
    with monkeypatch.context() as patch:
        patch.setattr(table, "get", pytest.fail)
        changed = table.update("alice", JOB_ID, text("one"), known)
    assert (changed.input_text, changed.revision) == ("one", 2)
    assert table.get("alice", JOB_ID) == changed


def test_a_change_of_an_outdated_record_is_made_anew_of_the_latest(table: DynamoJobTable) -> None:
    table.add(a_job(input_text=""))
    known = table.get("alice", JOB_ID)
    table.update("alice", JOB_ID, text("one "))
    assert table.update("alice", JOB_ID, text("two"), known).input_text == "one two"
    table.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))
    with pytest.raises(JobEnded):
        table.update("alice", JOB_ID, require_active(RUN, text("three")), known)
    job = read(table)
    assert job.input_text == "one two"


def test_a_job_that_never_keeps_still_is_given_up(table: DynamoJobTable) -> None:
    table.add(a_job())

    def change(job: Job) -> Job:
        table.update("alice", JOB_ID, text("."))
        return text("mine")(job)

    with pytest.raises(ConcurrentChange):
        table.update("alice", JOB_ID, change)


TOMBSTONE = Tombstone("alice", JOB_ID, "2026-01-31T09:20:00.000Z", "2026-01-31T11:20:00.000Z", (("c-1", "i-1"),))


def test_a_deleted_job_leaves_a_tombstone_that_nothing_takes_for_a_job(table: DynamoJobTable) -> None:
    table.add(a_job(status=JobStatus.FAILED))
    table.add(a_job(id=OTHER_ID))
    assert not table.bury(a_job(revision=7), TOMBSTONE), "the job was written since it was read"
    assert table.bury(a_job(), TOMBSTONE)
    assert table.get("alice", JOB_ID) is None
    assert [job.id for job in table.page("alice", 1, None).jobs] == [OTHER_ID]
    assert [job.id for job in table.page("alice", 10, None).jobs] == [OTHER_ID]
    assert [job_id for _, job_id in table.open_keys()] == [OTHER_ID]
    with pytest.raises(JobConflict, match="was deleted"):
        table.add(a_job())
    assert (list(table.unpurged()), table.tombstone("alice", JOB_ID)) == ([("alice", JOB_ID)], TOMBSTONE)
    table.note_purge(TOMBSTONE)
    assert table.tombstone("alice", JOB_ID) == replace(TOMBSTONE, is_purged=True)
    assert list(table.unpurged()) == [("alice", JOB_ID)]
    table.note_last_purge(TOMBSTONE)
    assert list(table.unpurged()) == []
    assert table.get("alice", JOB_ID) is None
    with pytest.raises(JobNotFound):
        table.update("alice", JOB_ID, text("read before it was deleted"), a_job())


def test_a_page_is_full_however_many_jobs_of_it_were_deleted(table: DynamoJobTable) -> None:
    ids = [f"01926b3c-7f3e-7c2a-9d51-{number:012d}" for number in range(9)]
    for each in ids:
        table.add(a_job(id=each))
    for each in ids[3:8]:
        assert table.bury(a_job(id=each), replace(TOMBSTONE, job_id=each))
    first = table.page("alice", 2, None)
    assert [job.id for job in first.jobs] == [ids[8], ids[2]]
    assert [job.id for job in table.page("alice", 2, first.next_before).jobs] == [ids[1], ids[0]]


def test_the_open_jobs_are_those_that_have_not_ended_and_a_retried_one_is_open_again(table: DynamoJobTable) -> None:
    table.add(a_job())
    table.add(a_job(owner="bob", id=OTHER_ID))
    table.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))
    assert [job_id for _, job_id in table.open_keys()] == [OTHER_ID]
    table.update("alice", JOB_ID, lambda job: job.retried("2026-01-31T10:00:00.000Z"))
    assert {job_id for _, job_id in table.open_keys()} == {JOB_ID, OTHER_ID}


def test_a_list_is_newest_first_and_goes_on_from_where_it_ended(table: DynamoJobTable) -> None:
    ids = sorted((new_job_id() for _ in range(5)), reverse=True)
    for one in ids:
        table.add(a_job(id=one))
    first = table.page("alice", 3, None)
    assert [job.id for job in first.jobs] == ids[:3]
    assert [job.id for job in table.page("alice", 3, first.next_before).jobs] == ids[3:]


def test_thousands_of_deleted_jobs_cost_their_owners_list_a_few_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    table, asked = MemoryJobTable(), list[int]()  # the emulated one takes long for so many
    query = table._client.query

    def counted(**request: Any) -> Any:
        asked.append(request["Limit"])
        return query(**request)

    monkeypatch.setattr(table._client, "query", counted)
    ids = sorted(new_job_id() for _ in range(1_000))
    for job_id in ids:
        table.add(job := a_job(id=job_id, status=JobStatus.FAILED))
        if job_id not in ids[:3]:
            assert table.bury(job, replace(TOMBSTONE, job_id=job_id))
    first = table.page("alice", 2, None)
    assert [job.id for job in first.jobs] == [ids[2], ids[1]]
    assert [job.id for job in table.page("alice", 2, first.next_before).jobs] == [ids[0]]
    assert len(asked) < 10


def test_a_batch_is_listed_page_by_page_however_many_other_jobs_are_between(table: DynamoJobTable) -> None:
    ids = sorted((new_job_id() for _ in range(9)), reverse=True)
    for index, one in enumerate(ids):
        table.add(a_job(id=one, batch="lab" if index % 3 == 0 else None))
    first = table.page("alice", 2, None, "lab")
    assert [job.id for job in first.jobs] == [ids[0], ids[3]]
    last = table.page("alice", 2, first.next_before, "lab")
    assert ([job.id for job in last.jobs], last.next_before) == ([ids[6]], None)
    assert not table.page("alice", 2, None, "another").jobs
