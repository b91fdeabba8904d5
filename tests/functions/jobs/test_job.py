from __future__ import annotations

import pytest

from functions.jobs.advice import FAILURES, job_error
from functions.jobs.ending import _CODES
from functions.jobs.errors import IllegalTransition
from functions.jobs.ids import is_job_id, new_job_id
from functions.jobs.job import JobStatus, TimelineEvent
from functions.jobs.running import WRAPPER_FAILURES
from tests.functions.fakes import a_job

LEGAL = {
    ("queued", "launching"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("launching", "running"),
    ("launching", "failed"),
    ("launching", "cancelled"),
    ("running", "launching"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
}


@pytest.mark.parametrize("start", list(JobStatus))
@pytest.mark.parametrize("end", list(JobStatus))
def test_only_the_listed_transitions_are_legal(start: JobStatus, end: JobStatus) -> None:
    job = a_job(status=start)
    if (start.value, end.value) in LEGAL or start == end:
        assert job.moved(end).status == end
    else:
        with pytest.raises(IllegalTransition, match=rf"from {start} to {end}"):
            job.moved(end)


@pytest.mark.parametrize("status", list(JobStatus))
def test_a_terminal_status_has_no_way_on(status: JobStatus) -> None:
    assert status.is_terminal == (status.value not in {start for start, _ in LEGAL})


def test_the_same_event_is_noted_once() -> None:
    event = TimelineEvent("launched", "2026-01-31T09:15:03.000Z", "i-1")
    again = TimelineEvent("launched", "2026-01-31T09:15:09.000Z", "i-1")
    other = TimelineEvent("launched", "2026-01-31T09:15:09.000Z", "i-2")
    assert a_job().noted(event).noted(again, other).timeline == (event, other)


def test_job_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    ids = [new_job_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(is_job_id(one) for one in ids)
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)


@pytest.mark.parametrize("text", ["", "x", "01926B3C-7F3E-7C2A-9D51-3F0A5B8C1E27", "../../etc/passwd", "%", "\n"])
def test_anything_else_is_no_job_id(text: str) -> None:
    assert not is_job_id(text)


@pytest.mark.parametrize("code", sorted({*_CODES.values(), *WRAPPER_FAILURES.values(), "internal_error"}))
def test_every_failure_the_code_can_name_has_advice(code: str) -> None:
    error = job_error(code)
    assert error.message
    assert "Trying again" in error.advice


def test_every_row_of_the_advisor_is_used() -> None:
    assert set(FAILURES) == {*_CODES.values(), *WRAPPER_FAILURES.values(), "internal_error"}
