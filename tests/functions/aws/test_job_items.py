from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.aws.attribute_values import deserialize_item, serialize_item
from functions.aws.job_items import from_item, to_item
from functions.jobs.failure_catalog import job_error
from functions.jobs.job import Job, JobStatus, Overrides, Program, StoredManifest, TimelineEvent
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine

ENDED = a_machine("i-1", run=2, attempt=3, commands=("c-1", "c-2")).ended("2026-01-31T09:20:00.000Z", "EC2 said so")
FULL = a_job(
    status=JobStatus.FAILED,
    input_text="emoji \N{PARTY POPPER} and \x00",
    timeline=tuple(TimelineEvent(word, "2026-01-31T09:15:02.345Z", "So.") for word in ("queued", "running", "failed")),
    error=job_error("script_failed", "exit code 3"),
    attempts=2,
    instance_id="i-1",
    command_id="c-1",
    output_size=0,
    expires_at=1_800_000_000,
    run=2,
    machines=(ENDED, a_machine("i-2")),
    overrides=Overrides("c7g.xlarge", 90),
    program=Program("a" * 64, ("./script.py", "a word")),
    manifest=StoredManifest("outputs/manifests/1.json", "b" * 64),
)


def stored(job: Job) -> dict[str, Any]:
    """A job's item as the table answers it."""
    return deserialize_item(serialize_item(to_item(job)))


def test_a_job_comes_back_as_it_was_stored_and_its_numbers_as_whole_ones() -> None:
    for job in (a_job(), FULL):
        assert from_item(stored(job)) == job
    job = from_item(stored(FULL))
    assert [type(number) for number in (job.run, job.attempts, job.machines[0].attempt)] == [int, int, int]
    assert type(job.overrides.timeout_minutes) is int


def test_what_is_not_there_has_no_attribute() -> None:
    assert {"output_file_path", "error", "instance_id", "overrides", "program", "manifest"}.isdisjoint(to_item(a_job()))
    assert set(to_item(a_job(overrides=Overrides(timeout_minutes=5)))["overrides"]) == {"timeout_minutes"}


def test_what_a_newer_version_wrote_is_left_aside() -> None:
    item = stored(FULL) | {"later": "x"}
    for part in (item["error"], item["overrides"], *item["timeline"], *item["machines"]):
        part["later"] = "x"
    assert from_item(item) == FULL


def test_a_job_whose_receipts_are_gone_is_read_without_them() -> None:
    item = stored(FULL)
    del item["machines"]
    assert from_item(item) == replace(FULL, machines=())
