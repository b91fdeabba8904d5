from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Never

import pytest

from functions.execution.outcome import Outcome
from functions.execution.record_step import RecordStep
from functions.jobs.errors import ConcurrentChange
from functions.jobs.job import Job, JobStatus, StoredManifest, TimelineEvent
from functions.jobs.provenance import Content, Reported
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job

PATH = f"outputs/outputs/alice/{JOB_ID}/2/a b.txt"
RUNNING = {"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-1", "command_id": "c-1"}


def record_step(stored: bytes | None = b"abc\nappended", **job: object) -> tuple[RecordStep, MemoryJobTable]:
    table = MemoryJobTable(a_job(**{**RUNNING, **job}))
    files = MemoryJobFiles({PATH: stored} if stored is not None else {})
    return RecordStep(table, files, "1.2.3"), table


def test_success_names_the_winning_attempts_output() -> None:
    step, table = record_step()
    step.finished(RUN, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    job = table.only
    assert (job.status, job.output_file_path, job.output_size, job.error) == (JobStatus.SUCCEEDED, PATH, 12, None)
    assert [event.event for event in job.timeline] == ["script_started", "succeeded"]


def test_how_far_the_script_came_is_in_the_record_of_a_job_whose_manifest_cannot_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step, table = record_step()

    def denied(*_: object) -> Never:
        raise PermissionError("AccessDenied")

    monkeypatch.setattr(step.files, "put_manifest", denied)
    with pytest.raises(PermissionError):
        step.finished(RUN, 2, Outcome("finished", events=(TimelineEvent("script_started", "t", "d"),)))
    step.broken(RUN, "PermissionError", "{}")
    assert [event.event for event in table.only.timeline] == ["script_started", "failed"]


def test_the_output_is_looked_for_under_the_name_that_the_job_has_for_it() -> None:
    step, table = record_step(None, output_suffix=".html")
    assert isinstance(step.files, MemoryJobFiles)
    step.files.s3.put(f"{PATH}.html", b"<p>")
    step.finished(RUN, 2, Outcome("finished"))
    assert (table.only.output_file_path, table.only.output_filename) == (f"{PATH}.html", "a b.txt.html")


def test_success_has_a_manifest_whose_hash_the_job_keeps() -> None:
    step, table = record_step()
    step.finished(RUN, 2, Outcome("finished", reported=Reported(output=Content(12, "a" * 64))))
    assert isinstance(step.files, MemoryJobFiles)
    ((path, body),) = step.files.manifests
    assert path == f"outputs/manifests/alice/{JOB_ID}/2.json"
    assert table.only.manifest == StoredManifest(path, hashlib.sha256(body).hexdigest())
    assert json.loads(body)["output"]["sha256"] == "a" * 64


def test_a_manifest_is_written_before_the_job_has_succeeded_and_again_with_the_same_bytes() -> None:
    step, table = record_step()
    assert isinstance(step.files, MemoryJobFiles)
    update, written = table.update, list[tuple[str, bytes]]()
    step.files.s3.on_store.append(lambda *each: written.append(each))

    def interrupted(owner: str, job_id: str, change: Callable[[Job], Job], known: Job | None = None) -> Job:
        if written:
            raise ConcurrentChange("the record kept changing")
        return update(owner, job_id, change, known)

    table.update = interrupted  # type: ignore[method-assign]  # the first try breaks off between the two
    with pytest.raises(ConcurrentChange):
        step.finished(RUN, 2, Outcome("finished"))
    statuses = [table.only.status]
    table.update = update  # type: ignore[method-assign]  # as it was
    step.finished(RUN, 2, Outcome("finished"))
    assert [*statuses, table.only.status] == [JobStatus.RUNNING, JobStatus.SUCCEEDED]
    assert len(written) == 2
    assert written[0] == written[1]
    step.finished(RUN, 2, Outcome("finished"))
    assert len(written) == 2


def test_what_has_not_succeeded_gets_no_manifest() -> None:
    for step, outcome in (
        (record_step()[0], Outcome("finished", "script_failed")),
        (record_step(None)[0], Outcome("finished")),
    ):
        step.finished(RUN, 2, outcome)
        assert isinstance(step.files, MemoryJobFiles)
        assert step.files.manifests == []


def test_success_without_a_stored_output_is_a_failure() -> None:
    step, table = record_step(stored=None)
    step.finished(RUN, 2, Outcome("finished"))
    assert table.only.status is JobStatus.FAILED
    assert table.only.error
    assert table.only.error.code == "output_not_stored"


def test_an_empty_output_is_an_output() -> None:
    step, table = record_step(stored=b"")
    step.finished(RUN, 2, Outcome("finished"))
    assert (table.only.status, table.only.output_size) == (JobStatus.SUCCEEDED, 0)


def test_a_failed_script_keeps_its_words_and_gets_advice() -> None:
    step, table = record_step()
    step.finished(RUN, 2, Outcome("finished", "script_failed", "exit code 3.\nboom"))
    error = table.only.error
    assert error
    assert (error.code, error.message) == ("script_failed", "exit code 3.\nboom")
    assert "log" in error.advice
    assert table.only.timeline[-1].detail == "exit code 3."


@pytest.mark.parametrize(
    "facts",
    [*({"status": each} for each in JobStatus if each.is_terminal), {"run": 2}],
    ids=lambda facts: str(*facts.values()),
)
def test_a_run_that_is_over_writes_no_outcome(facts: dict[str, Any]) -> None:
    step, table = record_step(**facts)
    before = table.only
    step.finished(RUN, 2, Outcome("finished"))
    step.broken(RUN, "LaunchRefused", "no")
    assert table.only == before


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
    step, table = record_step()
    step.broken(RUN, error, json.dumps({"errorMessage": "AMI is gone", "errorType": error}))
    assert table.only.error
    assert table.only.error.code == code
    assert table.only.error.message == f"{error}: AMI is gone"


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
    step, table = record_step()
    step.broken(RUN, "LaunchRefused", cause)
    assert table.only.error
    assert table.only.error.message == words


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
    step, table = record_step()
    cause = json.dumps({"errorMessage": message, "errorType": error}) if is_wrapped else message
    step.broken(RUN, error, cause)
    assert table.only.error
    assert table.only.error.message == words
    assert "123456789012" not in repr(table.only)
    assert [record.cause for record in caplog.records if hasattr(record, "cause")] == [cause]
