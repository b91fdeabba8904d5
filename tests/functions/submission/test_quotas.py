from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.aws.usage_table import DynamoUsageTable
from functions.jobs.errors import TooManyOpenJobs, UploadQuota
from functions.jobs.job import JobStatus
from functions.jobs.s3_keys import input_key
from functions.submission.quotas import Quotas
from functions.submission.uploads import PART_BYTES
from simulation.dynamodb import TABLE, DynamoDb
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, MemoryJobTable, a_job
from tests.functions.fakes.submission import MemorySubmission, a_submission

GIB = 1024**3


def make(table: MemoryJobTable, quotas: Quotas, **facts: Any) -> MemorySubmission:
    return a_submission(table, max_upload_bytes=5 * GIB, quotas=quotas, **facts)


def an_id(number: int) -> str:
    return f"01926b3c-7f3e-7c2a-9d51-{number:012d}"


def test_an_owner_has_at_most_so_many_jobs_that_have_not_ended() -> None:
    jobs = [a_job(id=an_id(number), status=JobStatus.RUNNING) for number in range(2)]
    others = [a_job(owner="bob", id=an_id(9)), a_job(id=an_id(5), status=JobStatus.FAILED)]
    submission = make(MemoryJobTable(*jobs, *others), Quotas(open_jobs=2))
    for number in (5, 7):
        submission.files.upload(input_key("alice", an_id(number), "a.txt"))
    with pytest.raises(TooManyOpenJobs, match=r"2 jobs of yours have not ended.*cancel one"):
        submission.submit("alice", an_id(7), "text")
    with pytest.raises(TooManyOpenJobs):
        submission.retry("alice", an_id(5))
    submission.cancel("alice", an_id(0))
    submission.submit("alice", an_id(7), "text")


def test_a_submission_that_is_repeated_needs_no_room() -> None:
    submission = make(MemoryJobTable(a_job(id=an_id(0))), Quotas(open_jobs=1))
    assert submission.submit("alice", an_id(0), "appended")[1] is False


def test_no_quota_asks_for_nothing() -> None:
    class Unasked(MemoryJobTable):
        def open_keys(self) -> Iterator[tuple[str, str]]:
            raise AssertionError

    db = DynamoDb()
    submission = make(Unasked(), Quotas(), usage=DynamoUsageTable(db.client, TABLE))
    submission.files.upload(input_key("alice", an_id(7), "a.txt"))
    submission.submit("alice", an_id(7), "text")
    submission.uploads.request_form("alice", "a.txt", 3, "text/plain")
    assert not db.items


def test_uploads_parts_and_copies_count_alike(stopped_clock: StoppedClock) -> None:
    done = a_job(id=an_id(1), status=JobStatus.SUCCEEDED)
    submission = make(MemoryJobTable(done), Quotas(upload_bytes_a_day=2 * PART_BYTES + 6))
    submission.files.upload(input_key("alice", an_id(1), "a b.txt"))
    submission.uploads.request_form("alice", "a.txt", 3, "text/plain")
    submission.copy("alice", an_id(1), "alice")
    entry = submission.uploads.begin("alice", "a.bin", PART_BYTES + 1, "text/plain")
    with pytest.raises(UploadQuota, match="next day begins at 00:00 UTC"):
        submission.uploads.resume("alice", JOB_ID, entry.upload_id, "a.bin", 4 * PART_BYTES)
    submission.uploads.resume("alice", JOB_ID, entry.upload_id, "a.bin", PART_BYTES - 1)
    for ask in (
        lambda: submission.copy("alice", an_id(1), "alice"),
        lambda: submission.uploads.request_form("alice", "a.txt", 1, "text/plain"),
        lambda: submission.uploads.begin("alice", "a.bin", 1, "text/plain"),
    ):
        with pytest.raises(UploadQuota):
            ask()
    submission.uploads.request_form("bob", "a.txt", 3, "text/plain")
    stopped_clock.go_on(86_400)
    submission.uploads.request_form("alice", "a.txt", 3, "text/plain")


def test_a_copy_by_an_administrator_counts_as_the_administrators() -> None:
    submission = make(MemoryJobTable(a_job(id=an_id(1))), Quotas(upload_bytes_a_day=3))
    submission.files.upload(input_key("alice", an_id(1), "a b.txt"))
    submission.copy("alice", an_id(1), "admin")
    submission.copy("alice", an_id(1), "alice")
    assert replace(submission, quotas=Quotas()).copy("alice", an_id(1), "admin")


def test_quotas_are_read_as_they_are_written() -> None:
    assert Quotas.from_json('{"open_jobs": 7, "upload_bytes_a_day": 9}') == Quotas(7, 9)
