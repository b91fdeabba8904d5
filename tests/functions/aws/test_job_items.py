from __future__ import annotations

from dataclasses import asdict

from functions.aws.job_items import from_item, machine_from, to_item
from functions.jobs.failure_catalog import job_error
from functions.jobs.job import NO_OVERRIDES, JobStatus, Overrides, Program, StoredManifest, TimelineEvent
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine

ENDED = a_machine("i-1", run=2, attempt=3, commands=("c-1", "c-2")).ended("2026-01-31T09:20:00.000Z", "EC2 said so")
FULL = a_job(
    status=JobStatus.FAILED,
    input_text="emoji \N{PARTY POPPER} and \x00",
    timeline=(TimelineEvent("queued", "2026-01-31T09:15:02.345Z", "Waiting."),),
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


def test_a_job_comes_back_as_it_was_stored() -> None:
    for job in (a_job(), FULL):
        assert from_item(to_item(job)) == job


def test_whole_numbers_come_back_as_such() -> None:
    job = from_item(to_item(FULL))
    assert [type(number) for number in (job.run, job.attempts, job.machines[0].attempt)] == [int, int, int]
    assert type(job.overrides.timeout_minutes) is int


def test_what_is_not_there_has_no_attribute() -> None:
    assert {"output_file_path", "error", "instance_id", "overrides", "program", "manifest"}.isdisjoint(to_item(a_job()))
    assert set(to_item(a_job(overrides=Overrides(timeout_minutes=5)))["overrides"]["M"]) == {"timeout_minutes"}


def test_a_job_of_an_earlier_version_is_on_its_first_run_and_has_no_receipts() -> None:
    item = to_item(FULL)
    for later in ("run", "machines", "overrides", "output_suffix"):
        del item[later]
    job = from_item(item)
    assert (job.run, job.machines) == (1, ())
    assert (job.overrides, job.output_filename) == (NO_OVERRIDES, job.filename)
    assert job.status is JobStatus.FAILED


def test_a_receipt_of_an_earlier_version_names_no_commands() -> None:
    attributes = asdict(a_machine("i-1"))
    del attributes["commands"]
    assert machine_from(attributes) == a_machine("i-1", commands=())


def test_what_a_newer_version_wrote_is_left_aside() -> None:
    newer = {"S": "later"}
    item = to_item(FULL) | {"later": newer}
    for parts in (item["error"], item["overrides"], *item["timeline"]["L"], *item["machines"]["L"]):
        parts["M"]["later"] = newer
    assert from_item(item) == FULL
