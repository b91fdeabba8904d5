"""The ports of the core. functions/aws holds the adapters, tests use small fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from functions.jobs.job import Job, Run


@dataclass(frozen=True)
class JobPage:
    """One page of an owner's jobs, newest first. `next_before` is the id to list on from, None at the end."""

    jobs: tuple[Job, ...]
    next_before: str | None


class JobTable(Protocol):
    """The record that people see. Every write is conditional."""

    def add(self, job: Job) -> Job | None:
        """Stores a new job; returns the one that has its id already, untouched, instead.

        Raises:
            JobConflict: a job of this id was deleted.
        """

    def get(self, owner: str, job_id: str) -> Job | None:
        """Raises JobUnreadable: this version cannot read its record."""

    def page(self, owner: str, limit: int, before: str | None, batch: str | None = None) -> JobPage:
        """An owner's jobs, newest first; of one batch, where it is named, a page may have fewer than there are."""

    def open_keys(self) -> Iterable[tuple[str, str]]:
        """Owner and id of every job that has not ended; a job may have ended since."""

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job], known: Job | None = None) -> Job:
        """Reads, changes and writes back; starts over after a concurrent write.

        `known` is the record as the caller has read it, and saves the first read. Where it is out of date, the write is
        refused and made anew of what is read then; a change that changes nothing is not written, so it is not checked.

        Raises:
            JobNotFound: the job is gone.
            JobUnreadable: this version cannot read its record.
            RecordRefused: the table does not take the record: it is too large, say.
            ConcurrentChange: the record kept changing.
        """


@dataclass(frozen=True)
class UploadForm:
    """A presigned POST: the form's fields, all of them before the file."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class StoredObject:
    path: str  # bucket/key
    size: int  # bytes


@dataclass(frozen=True)
class StoredOutput:
    """A result as S3 has it; `md5` (hex) is what S3 itself computed, None where it does not say."""

    size: int  # bytes
    md5: str | None


@dataclass(frozen=True)
class StoredPart:
    """A part of a multipart upload that S3 has; `etag` is what it goes by when the parts are joined."""

    number: int
    size: int  # bytes
    etag: str


class JobFiles(Protocol):
    """The objects of a job, by owner and id, so that no other owner's can be named."""

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm: ...

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begins a multipart upload; returns its id."""

    def part_url(self, key: str, upload_id: str, number: int, size: int, expires_in: int) -> str:
        """A presigned PUT of one part of exactly `size` bytes."""

    def stored_parts(self, key: str, upload_id: str) -> Sequence[StoredPart] | None:
        """None when the key has no such upload (any more)."""

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Makes these parts the object; False when the upload or one of them is not there any more."""

    def abort_parts(self, key: str, upload_id: str) -> None:
        """Frees the parts of an upload; one that is not there is no error."""

    def copy_input(self, path: str, key: str) -> bool:
        """Copies an input to another key; False when it is not there any more."""

    def find_input(self, owner: str, job_id: str) -> StoredObject | None: ...

    def input_url(self, path: str, expires_in: int) -> str: ...

    def output_path(self, key: str) -> str: ...

    def output_upload_url(self, key: str, expires_in: int) -> str: ...

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str: ...

    def find_output(self, path: str) -> StoredOutput | None: ...

    def put_manifest(self, key: str, body: bytes) -> str:
        """Stores a job's manifest and returns its path."""

    def manifest(self, path: str) -> bytes | None:
        """None when it is not kept any more."""

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        """Stores an attempt's spec and returns a presigned URL to read it."""

    def payload_url(self, expires_in: int) -> str: ...

    def delete_job(self, owner: str, job_id: str) -> int:
        """Removes every object of a job; how many there were."""


@dataclass(frozen=True)
class LogLine:
    at: str  # RFC 3339 UTC
    stream: str  # stdout or stderr
    text: str


@dataclass(frozen=True)
class LogPage:
    lines: tuple[LogLine, ...]
    next_token: str | None


class MachineLog(Protocol):
    def read(self, command_id: str, instance_id: str, after: str | None) -> LogPage: ...

    def delete(self, command_id: str, instance_id: str) -> int:
        """Removes what a command printed; how many streams of it there were."""


class Workflow(Protocol):
    """The state machine that runs a job."""

    def start(self, run: Run, attempt: int) -> None:
        """Starts a run's execution with its first attempt's number; one of the run's name is left alone."""

    def state(self, run: Run) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None when the run never had an execution."""

    def wake(self, token: str, output: Mapping[str, str] | None = None) -> bool:
        """Completes the task that waits with this token; False when no task waits with it any more."""

    def fail(self, token: str, error: str, cause: str) -> bool:
        """Fails the task that waits with this token with an error's name; False when no task waits with it any more."""
