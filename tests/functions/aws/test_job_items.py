from __future__ import annotations

from functions.aws.job_items import from_item, to_item
from functions.jobs.advice import job_error
from functions.jobs.job import JobStatus, TimelineEvent
from tests.functions.fakes import a_job

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
)


def test_a_job_comes_back_as_it_was_stored() -> None:
    for job in (a_job(), FULL):
        assert from_item(to_item(job)) == job


def test_what_is_not_there_has_no_attribute() -> None:
    assert {"output_file_path", "error", "instance_id"}.isdisjoint(to_item(a_job()))


def test_an_attribute_of_a_later_version_does_no_harm() -> None:
    assert from_item(to_item(FULL) | {"priority": {"N": "3"}}) == FULL
