from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Never

import pytest

from functions.execution.outcome import Outcome
from functions.execution.record_step import RecordStep
from functions.jobs.errors import ConcurrentChange
from functions.jobs.job import Job, JobError, JobStatus, StoredManifest, TimelineEvent
from functions.jobs.provenance import Content, Reported
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job

PATH = f"outputs/outputs/alice/{JOB_ID}/2/a b.txt"
RUNNING = {"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-1", "command_id": "c-1"}


class Record:
    """The Record step for a job of which a machine may have stored a result."""

    def __init__(self, stored: bytes | None = b"abc\nappended", **job: object) -> None:
        self.table = MemoryJobTable(a_job(**{**RUNNING, **job}))
        self.files = MemoryJobFiles({PATH: stored} if stored is not None else {})
        self.step = RecordStep(self.table, self.files, "1.2.3")

    @property
    def job(self) -> Job:
        return self.table.only

    @property
    def error(self) -> JobError:
        assert self.job.error
        return self.job.error


def test_success_names_the_winning_attempts_output() -> None:
    record = Record()
    record.step.finished(RUN, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    job = record.job
    assert (job.status, job.output_file_path, job.output_size, job.error) == (JobStatus.SUCCEEDED, PATH, 12, None)
    assert [event.event for event in job.timeline] == ["script_started", "succeeded"]


def test_how_far_the_script_came_is_in_the_record_of_a_job_whose_manifest_cannot_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = Record()

    def denied(*_: object) -> Never:
        raise PermissionError("AccessDenied")

    monkeypatch.setattr(record.files, "put_manifest", denied)
    with pytest.raises(PermissionError):
        record.step.finished(RUN, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    record.step.broken(RUN, "PermissionError", "{}")
    assert [event.event for event in record.job.timeline] == ["script_started", "failed"]


def test_the_output_is_looked_for_under_the_name_that_the_job_has_for_it() -> None:
    record = Record(None, output_suffix=".html")
    record.files.s3.put(f"{PATH}.html", b"<p>")
    record.step.finished(RUN, 2, Outcome("finished"))
    assert (record.job.output_file_path, record.job.output_filename) == (f"{PATH}.html", "a b.txt.html")


def test_success_has_a_manifest_whose_hash_the_job_keeps() -> None:
    record = Record()
    record.step.finished(RUN, 2, Outcome("finished", reported=Reported(output=Content(12, "a" * 64))))
    ((path, body),) = record.files.manifests
    assert path == f"outputs/manifests/alice/{JOB_ID}/2.json"
    assert record.job.manifest == StoredManifest(path, hashlib.sha256(body).hexdigest())
    assert json.loads(body)["output"]["sha256"] == "a" * 64


def test_a_manifest_is_written_before_the_job_has_succeeded_and_again_with_the_same_bytes() -> None:
    record = Record()
    table, update, written = record.table, record.table.update, list[tuple[str, bytes]]()
    record.files.s3.on_store.append(lambda *each: written.append(each))

    def interrupted(owner: str, job_id: str, change: Callable[[Job], Job], known: Job | None = None) -> Job:
        if written:
            raise ConcurrentChange("the record kept changing")
        return update(owner, job_id, change, known)

    table.update = interrupted  # type: ignore[method-assign]  # the first try breaks off between the two
    with pytest.raises(ConcurrentChange):
        record.step.finished(RUN, 2, Outcome("finished"))
    statuses = [record.job.status]
    table.update = update  # type: ignore[method-assign]  # as it was
    record.step.finished(RUN, 2, Outcome("finished"))
    assert [*statuses, record.job.status] == [JobStatus.RUNNING, JobStatus.SUCCEEDED]
    assert len(written) == 2
    assert written[0] == written[1]
    record.step.finished(RUN, 2, Outcome("finished"))
    assert len(written) == 2


def test_success_without_a_stored_output_is_a_failure() -> None:
    record = Record(stored=None)
    record.step.finished(RUN, 2, Outcome("finished"))
    assert record.job.status is JobStatus.FAILED
    assert record.error.code == "output_not_stored"


def test_an_empty_output_is_an_output() -> None:
    record = Record(stored=b"")
    record.step.finished(RUN, 2, Outcome("finished"))
    assert (record.job.status, record.job.output_size) == (JobStatus.SUCCEEDED, 0)


def test_a_failed_script_keeps_its_words_and_gets_advice() -> None:
    record = Record()
    record.step.finished(RUN, 2, Outcome("finished", "script_failed", "exit code 3.\nboom"))
    error = record.error
    assert (error.code, error.message) == ("script_failed", "exit code 3.\nboom")
    assert "log" in error.advice
    assert record.job.timeline[-1].detail == "exit code 3."


@pytest.mark.parametrize(
    "facts",
    [*({"status": each} for each in JobStatus if each.is_terminal), {"run": 2}],
    ids=lambda facts: str(*facts.values()),
)
def test_a_run_that_is_over_writes_no_outcome(facts: dict[str, Any]) -> None:
    record = Record(**facts)
    before = record.job
    record.step.finished(RUN, 2, Outcome("finished"))
    record.step.broken(RUN, "LaunchRefused", "no")
    assert record.job == before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("QueueTimeout", "queue_timeout"),
        ("Throttled", "throttled"),
        ("AgentNotOnline", "boot_timeout"),
        ("MachineLost", "machine_lost"),
        ("LaunchRefused", "launch_refused"),
        ("UploadExpired", "output_not_stored"),
        ("CapacityAvailable", "internal_error"),
    ],
)
def test_a_workflow_error_becomes_the_jobs_failure_in_readable_words(error: str, code: str) -> None:
    record = Record()
    record.step.broken(RUN, error, json.dumps({"errorMessage": "AMI is gone", "errorType": error}))
    assert record.error.code == code
    assert record.error.message == f"{error}: AMI is gone"


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ('{"errorMessage": "no room", "errorType": "X"}', "LaunchRefused: no room"),
        ('{"errorType": "X"}', "LaunchRefused"),
        ("plain words", "LaunchRefused: plain words"),
        ("[1]", "LaunchRefused: [1]"),
        ("", "LaunchRefused"),
    ],
)
def test_the_cause_of_a_steps_own_error_is_given_in_its_own_words(cause: str, words: str) -> None:
    record = Record()
    record.step.broken(RUN, "LaunchRefused", cause)
    assert record.error.message == words


CALLER = "arn:aws:sts::123456789012:assumed-role/mayfly-prod-dispatch"  # as AWS names a caller
DENIED = f"User: {CALLER}/f is not authorized to perform: ssm:SendCommand on arn:aws:ec2:eu-central-1:123456789012:i-1"


@pytest.mark.parametrize(
    ("error", "message", "words"),
    [
        (
            "ClientError",
            f"An error occurred (AccessDeniedException) when calling the SendCommand operation: {DENIED}",
            "ClientError: AccessDeniedException from SendCommand",
        ),
        (
            "ClientError",
            f"An error occurred (Throttling) when calling the PutItem operation (reached max retries: 2): {DENIED}",
            "ClientError: Throttling from PutItem",
        ),
        ("Lambda.AWSLambdaException", DENIED, "Lambda.AWSLambdaException"),
        ("States.Runtime", f"The state failed: {DENIED}", "States.Runtime"),
        ("KeyError", f"'{CALLER}'", "KeyError"),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_aws_text_is_logged_and_reaches_no_user(
    error: str, message: str, words: str, is_wrapped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    record = Record()
    cause = json.dumps({"errorMessage": message, "errorType": error}) if is_wrapped else message
    record.step.broken(RUN, error, cause)
    assert record.error.message == words
    assert "123456789012" not in repr(record.job)
    assert [record.cause for record in caplog.records if hasattr(record, "cause")] == [cause]
