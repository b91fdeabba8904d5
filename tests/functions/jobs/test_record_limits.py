from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.aws.attribute_values import serialize_item
from functions.aws.job_items import to_item
from functions.jobs.batch import MAX_BATCH_CHARS
from functions.jobs.errors import TooManyRuns
from functions.jobs.failure_catalog import FAILURES, job_error
from functions.jobs.job import Job, JobStatus, Overrides, Program, TimelineEvent
from functions.jobs.record_limits import EVENTS_KEPT_ON_RETRY, MAX_ATTEMPTS, MAX_EVENTS_PER_RUN, MAX_RUNS, clipped
from functions.jobs.s3_keys import MAX_FILENAME_BYTES, output_key
from functions.submission.submission import MAX_TEXT_CHARS
from tests.functions.fakes.job_table import a_job
from tests.functions.fakes.machines import a_machine

AT = "2026-01-31T09:15:02.345Z"
ATTEMPTS_PER_RUN = 10  # the most that mayfly:maxAttempts allows


def item_size(value: Any) -> int:
    """Bytes of an attribute's value (DynamoDB developer guide, "DynamoDB item sizes and formats")."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    if kind == "L":
        return 3 + sum(1 + item_size(each) for each in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + item_size(each) for name, each in content.items())
    return 1


def record_size(job: Job) -> int:
    return sum(len(name.encode()) + item_size(value) for name, value in serialize_item(to_item(job)).items())


def largest_job() -> Job:
    """What the API takes at most, run as often as it can be, every attempt lost, with the longest words."""
    name = "€" * (MAX_FILENAME_BYTES // 3)
    job = a_job(
        owner="o" * 128,
        filename=name,
        output_suffix=".abcdefghijklmnop",
        input_text="🪰" * MAX_TEXT_CHARS,
        input_file_path=f"{'u' * 63}/inputs/{'o' * 128}/{a_job().id}/{name}",
        overrides=Overrides("t4g.metal-48xl", 2_760),
        batch="b" * MAX_BATCH_CHARS,
        expires_at=1_800_000_000,
        timeline=(TimelineEvent("queued", AT, "Waiting for a machine."),),
    )
    while True:
        for _ in range(ATTEMPTS_PER_RUN if job.attempts + ATTEMPTS_PER_RUN >= MAX_ATTEMPTS or job.run > 1 else 1):
            job = attempted(job)
        long_words = "€" * 100_000
        event = TimelineEvent("failed", AT, long_words)
        error = max((job_error(code, long_words) for code in FAILURES), key=lambda each: len(each.advice))
        job = replace(job.moved(JobStatus.FAILED, event), error=error)
        try:
            job = job.retried(AT)
        except TooManyRuns:
            return job


def attempted(job: Job) -> Job:
    number = job.attempts + 1
    instance_id = f"i-{number:017x}"
    machine = a_machine(
        instance_id,
        run=job.run,
        attempt=number,
        instance_type="t4g.metal-48xl",
        market="on-demand",
        zone="ap-northeast-1-tpe-1a",
        image_id="ami-0123456789abcdef0",
        hourly_micro_usd=10**9,
        burst_micro_usd=10**9,
        prepared_at=AT,
    )
    launched = TimelineEvent("launched", AT, f"{instance_id} is there. " + "€" * 1_000)
    job = job.moved(JobStatus.LAUNCHING, launched)
    job = replace(job, attempts=number, instance_id=instance_id).with_machine(machine)
    job = job.moved(JobStatus.RUNNING, TimelineEvent("running", AT, f"{instance_id} " + "€" * 1_000))
    job = job.noted(*(TimelineEvent("noted", AT, f"{number}-{event}" + "€" * 1_000) for event in range(1_000)))
    for _ in range(4):
        job = job.with_command(instance_id, "0" * 36)
    job = replace(job, program=Program("0" * 64, ("word",) * 20))
    return job.with_machine(machine.ended(AT, "EC2 told the workflow that the instance is terminated"))


def test_the_largest_record_of_a_job_stays_below_100_kilobytes() -> None:
    job = largest_job()
    path = f"{'o' * 63}/" + output_key(job.owner, job.id, job.attempts, job.output_filename)
    assert 60_000 < record_size(replace(job, output_file_path=path)) < 100_000
    assert len(job.machines) >= MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("had", "words"),
    [({"run": MAX_RUNS}, f"{MAX_RUNS} runs"), ({"attempts": MAX_ATTEMPTS}, f"{MAX_ATTEMPTS} machines")],
)
def test_a_job_that_has_had_its_runs_is_not_run_again_and_says_what_to_do(had: dict[str, int], words: str) -> None:
    with pytest.raises(TooManyRuns, match=f"{words}.*new job.*copy") as refusal:
        a_job(status=JobStatus.FAILED, **had).retried(AT)
    assert refusal.value.field == "job_id"


def test_a_run_takes_no_more_events_than_it_may_but_always_how_it_went_on() -> None:
    job = a_job().noted(*(TimelineEvent("noted", AT, str(number)) for number in range(1_000)))
    assert len(job.timeline) == MAX_EVENTS_PER_RUN
    moved = job.moved(JobStatus.CANCELLED, TimelineEvent("cancelled", AT, "Cancelled on request."))
    assert moved.timeline[-1].event == "cancelled"


def test_copies_of_one_event_in_one_report_are_one() -> None:
    job = a_job().noted(*([TimelineEvent("script_started", AT, "The script runs.")] * 120))
    assert [event.event for event in job.timeline] == ["script_started"]


def test_a_retry_leaves_the_oldest_runs_in_outline_when_the_timeline_is_long() -> None:
    job = a_job(timeline=(TimelineEvent("queued", AT),))
    for run in range(1, 6):
        job = job.noted(*(TimelineEvent("noted", AT, f"{run}-{number}") for number in range(8)))
        job = job.moved(JobStatus.CANCELLED, TimelineEvent("cancelled", AT)).retried(AT)
    words = [event.event for event in job.timeline]
    assert len(words) <= EVENTS_KEPT_ON_RETRY
    assert words[:4] == ["queued", "cancelled", "retried", "cancelled"]
    assert words[-11:] == ["retried", *(["noted"] * 8), "cancelled", "retried"]
    assert words.count("retried") == 5


def test_a_short_timeline_is_kept_whole_through_a_retry() -> None:
    job = a_job(timeline=(TimelineEvent("queued", AT), TimelineEvent("noted", AT)))
    kept = job.moved(JobStatus.CANCELLED, TimelineEvent("cancelled", AT)).retried(AT)
    assert [event.event for event in kept.timeline] == ["queued", "noted", "cancelled", "retried"]


def test_texts_are_cut_by_bytes_and_say_so() -> None:
    assert clipped("abc", 3) == "abc"
    cut = clipped("€" * 100, 50)
    assert cut.endswith("€…")
    assert len(cut.encode()) <= 50
