"""Uploads in parts, and copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

import pytest

from functions.aws.usage_table import DynamoUsageTable
from functions.jobs.errors import FileTooLarge, InvalidRequest, UploadIncomplete, UploadMissing, UploadNotFound
from functions.jobs.job import JobStatus
from functions.jobs.ports import StoredObject, StoredPart
from functions.jobs.s3_keys import input_key
from functions.submission.quotas import Quotas
from functions.submission.uploads import (
    MAX_COPY_BYTES,
    MULTIPART_FROM_BYTES,
    PART_BYTES,
    MultipartTicket,
    Uploads,
    part_sizes,
)
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, a_job
from tests.functions.fakes.tables import in_memory

SIZE = 2 * PART_BYTES + 5
KEY = input_key("alice", JOB_ID, "a b.txt")


class HugeFiles(MemoryJobFiles):
    """Says of every input that it is larger than can be copied."""

    def find_input(self, owner: str, job_id: str) -> StoredObject | None:
        found = super().find_input(owner, job_id)
        return found and replace(found, size=MAX_COPY_BYTES + 1)


class VanishingFiles(MemoryJobFiles):
    """What is found is removed before it can be copied."""

    def find_input(self, owner: str, job_id: str) -> StoredObject | None:
        found = super().find_input(owner, job_id)
        self.delete_job(owner, job_id)
        return found


def make(files: MemoryJobFiles | None = None) -> tuple[Uploads, MemoryJobFiles]:
    files = files or MemoryJobFiles()
    return Uploads(files, in_memory(DynamoUsageTable), 3 * PART_BYTES, 7, lambda: JOB_ID, Quotas()), files


def begun(uploads: Uploads) -> MultipartTicket:
    return uploads.begin("alice", "a b.txt", SIZE, "text/plain")


def store(files: MemoryJobFiles, ticket: MultipartTicket, *numbers: int) -> None:
    for part in ticket.parts:
        if part.number in numbers:
            files.upload_part(KEY, ticket.upload_id, StoredPart(part.number, part.size, f"e{part.number}"))


def all_stored(files: MemoryJobFiles | None = None) -> tuple[Uploads, MemoryJobFiles, MultipartTicket]:
    uploads, files = make(files)
    ticket = begun(uploads)
    store(files, ticket, 1, 2, 3)
    return uploads, files, ticket


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (1, [1]),
        (PART_BYTES, [PART_BYTES]),
        (PART_BYTES + 1, [PART_BYTES, 1]),
        (2 * PART_BYTES, [PART_BYTES, PART_BYTES]),
        (2 * PART_BYTES + 5, [PART_BYTES, PART_BYTES, 5]),
    ],
)
def test_all_parts_are_of_one_size_but_the_last_which_has_the_rest(size: int, sizes: list[int]) -> None:
    assert part_sizes(size) == dict(enumerate(sizes, start=1))


def test_the_largest_file_of_any_stack_has_no_more_parts_than_s3_takes_and_lists_at_once() -> None:
    assert len(part_sizes(5_000 * 1024 * 1024)) <= 1_000
    assert PART_BYTES >= 5 * 1024 * 1024, "S3 joins no smaller ones"
    assert MULTIPART_FROM_BYTES > PART_BYTES
    assert 4 * PART_BYTES <= 32 * 1024 * 1024, "clients send four at a time; what is under way is lost"


def test_an_upload_in_parts_names_one_key_and_the_size_of_each_part() -> None:
    uploads, files = make()
    ticket = begun(uploads)
    assert list(files.s3.uploads) == [(KEY, ticket.upload_id)]
    assert [part.url for part in ticket.parts] == [
        f"https://s3.test/uploads/{quote(KEY)}"
        f"?uploadId={ticket.upload_id}&partNumber={number}&ContentLength={size}&expires=3600&signature=1"
        for number, size in part_sizes(SIZE).items()
    ]
    assert not any(part.stored for part in ticket.parts)


def test_an_upload_goes_on_with_what_is_missing() -> None:
    uploads, files = make()
    ticket = begun(uploads)
    store(files, ticket, 1, 3)
    again = uploads.resume("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)
    assert [part.stored for part in again.parts] == [True, False, True]
    renewed = str(ticket.parts[1].url).replace("signature=1", "signature=2")
    assert [part.url for part in again.parts] == [None, renewed, None]


def test_a_part_that_was_stored_in_another_size_is_missing() -> None:
    uploads, files, ticket = all_stored()
    files.upload_part(KEY, ticket.upload_id, StoredPart(2, 7, "e"))
    assert [each.stored for each in uploads.resume("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE).parts][
        1
    ] is False
    with pytest.raises(UploadIncomplete, match=r"not stored: 2\."):
        uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)


def test_completing_twice_is_the_same_as_once() -> None:
    uploads, files, ticket = all_stored()
    for _ in range(2):
        uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)
    assert files.s3.uploads == {}
    assert files.find_input("alice", JOB_ID) == StoredObject(f"uploads/{KEY}", SIZE)
    for name, size in (("other.txt", SIZE), ("a b.txt", SIZE - 1)):
        with pytest.raises(UploadNotFound):
            uploads.complete("alice", JOB_ID, ticket.upload_id, name, size)


def test_an_upload_with_upload_incomplete_is_not_completed_and_says_which() -> None:
    uploads, files = make()
    ticket = begun(uploads)
    store(files, ticket, 2)
    with pytest.raises(UploadIncomplete, match=r"not stored: 1, 3\."):
        uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)
    assert files.s3.objects == {}


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1, PART_BYTES + 1, 3 * PART_BYTES])
def test_parts_that_add_up_to_another_size_are_not_completed(size: int) -> None:
    uploads, files, ticket = all_stored()
    with pytest.raises(UploadIncomplete):
        uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", size)
    assert files.s3.objects == {}


def test_many_missing_parts_are_counted_after_the_first() -> None:
    uploads, _ = make()
    uploads = replace(uploads, max_bytes=100 * PART_BYTES)
    ticket = uploads.begin("alice", "a b.txt", 100 * PART_BYTES, "text/plain")
    with pytest.raises(UploadIncomplete, match=r"1, 2, .*, 20 and 80 more"):
        uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", 100 * PART_BYTES)


class OvertakenFiles(MemoryJobFiles):
    """Answers as S3 does when a part is replaced between listing and joining them."""

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        return super().join_parts(key, upload_id, [replace(part, etag="another") for part in parts])


class DoneFiles(MemoryJobFiles):
    """Answers as S3 does when another call completes the upload between listing and joining its parts."""

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        super().join_parts(key, upload_id, parts)
        return super().join_parts(key, upload_id, parts)


def test_an_upload_that_changes_while_it_is_completed_can_be_completed_later() -> None:
    uploads, files, ticket = all_stored(OvertakenFiles())
    with pytest.raises(UploadIncomplete, match="try again"):
        uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)
    assert files.s3.objects == {}


def test_an_upload_that_is_completed_twice_at_the_same_time_is_completed() -> None:
    uploads, files, ticket = all_stored(DoneFiles())
    uploads.complete("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)
    assert list(files.s3.objects) == [f"uploads/{KEY}"]


def test_an_upload_that_was_aborted_is_not_there_any_more() -> None:
    uploads, files = make()
    ticket = begun(uploads)
    store(files, ticket, 1)
    for _ in range(2):
        uploads.abort("alice", JOB_ID, ticket.upload_id, "a b.txt")
    assert files.s3.uploads == {}
    for go_on in (uploads.resume, uploads.complete):
        with pytest.raises(UploadNotFound) as refused:
            go_on("alice", JOB_ID, ticket.upload_id, "a b.txt", SIZE)
        assert refused.value.field == "upload_id"


@pytest.mark.parametrize(
    ("owner", "job_id", "name"),
    [("bob", JOB_ID, "a b.txt"), ("alice", OTHER_ID, "a b.txt"), ("alice", "../x", "a b.txt"), ("alice", JOB_ID, "b")],
)
def test_an_upload_id_is_nothing_without_its_owner_job_and_name(owner: str, job_id: str, name: str) -> None:
    uploads, files, ticket = all_stored()
    for go_on in (uploads.resume, uploads.complete):
        with pytest.raises(UploadNotFound):
            go_on(owner, job_id, ticket.upload_id, name, SIZE)
    uploads.abort(owner, job_id, ticket.upload_id, name)
    assert len(files.stored_parts(KEY, ticket.upload_id) or ()) == 3
    assert files.s3.objects == {}


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a\nb", "\ud800"])
def test_a_name_that_cannot_be_a_key_is_refused_everywhere(name: str) -> None:
    uploads, files = make()
    with pytest.raises(InvalidRequest):
        uploads.begin("alice", name, 1, "text/plain")
    for go_on in (uploads.resume, uploads.complete):
        with pytest.raises(InvalidRequest):
            go_on("alice", JOB_ID, "upload-1", name, 1)
    with pytest.raises(InvalidRequest):
        uploads.abort("alice", JOB_ID, "upload-1", name)
    assert files.s3.uploads == {}


def test_more_than_the_limit_is_refused_at_every_step() -> None:
    uploads, files = make()
    too_much = uploads.max_bytes + 1
    with pytest.raises(FileTooLarge):
        uploads.begin("alice", "a b.txt", too_much, "text/plain")
    assert files.s3.uploads == {}
    ticket = begun(uploads)
    for go_on in (uploads.resume, uploads.complete):
        with pytest.raises(FileTooLarge):
            go_on("alice", JOB_ID, ticket.upload_id, "a b.txt", too_much)


def test_an_empty_file_has_no_parts_and_no_upload_is_begun_for_it() -> None:
    uploads, files = make()
    with pytest.raises(InvalidRequest) as refused:
        uploads.begin("alice", "a b.txt", 0, "text/plain")
    assert refused.value.field == "size"
    assert files.s3.uploads == {}


def test_a_copy_is_a_file_of_the_callers_own() -> None:
    uploads, files = make()
    job = a_job(id=OTHER_ID, status=JobStatus.SUCCEEDED)
    files.upload(input_key(job.owner, job.id, job.filename))
    ticket = uploads.copy(job, "bob")
    assert ticket.job_id == JOB_ID
    assert files.s3.objects == {
        f"uploads/{input_key(job.owner, OTHER_ID, job.filename)}": b"abc",
        f"uploads/{input_key('bob', JOB_ID, job.filename)}": b"abc",
    }


def test_a_file_that_is_not_kept_any_more_is_not_copied() -> None:
    uploads, _ = make()
    with pytest.raises(UploadMissing, match="not kept"):
        uploads.copy(a_job(id=OTHER_ID), "alice")


def test_a_file_that_goes_while_it_is_copied_was_not_kept_either() -> None:
    uploads, files = make(VanishingFiles())
    job = a_job(id=OTHER_ID)
    files.upload(input_key(job.owner, job.id, job.filename))
    with pytest.raises(UploadMissing, match="not kept"):
        uploads.copy(job, "alice")


def test_a_file_that_takes_too_long_to_copy_is_refused_and_the_way_out_told() -> None:
    uploads, files = make(HugeFiles())
    job = a_job(id=OTHER_ID)
    key = input_key(job.owner, job.id, job.filename)
    files.upload(key)
    with pytest.raises(FileTooLarge, match="Upload it again"):
        uploads.copy(job, "alice")
    assert list(files.s3.objects) == [f"uploads/{key}"]
