"""A failed or cancelled job is tried again. In a real browser, against the fake cloud."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from functions.jobs.failure_catalog import FAILURES
from functions.jobs.job import JobError
from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import FAILING_WAY, TERMINATED, WAY
from tests.stack.memory_stack import MACHINE_LOST, SCRIPT_FAILED

pytestmark = pytest.mark.browser

RETRY = "POST /api/jobs/{id}/retry"


def submit_and_fail(form: JobPage, fake_cloud: FakeCloud, document: Path) -> str:
    """Leaves a failed job on the page and lets the next run succeed."""
    fake_cloud.way = FAILING_WAY
    job_id = form.submit("the text", document)
    form.expect_status("Failed")
    fake_cloud.way = WAY
    return job_id


def test_a_failed_job_is_tried_again_once_and_its_runs_are_shown_apart(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.error = MACHINE_LOST
    job_id = submit_and_fail(form, fake_cloud, document)
    log = form.open_log()
    expect(log).to_contain_text("cannot read line 7")
    form.retry_button.dblclick()
    form.expect_status("Succeeded")
    expect(log).to_have_text("<b>appending</b> the text ", use_inner_text=False)
    expect(log.locator("b")).to_have_count(0)
    expect(form.job.get_by_role("heading", name=document.name)).to_be_focused()
    expect(form.retry_button).to_be_hidden()
    expect(form.job.locator(".notice:visible")).to_have_count(0)
    assert form.shown_job_id(document.name) == job_id
    assert fake_cloud.calls.count(RETRY) == 1
    form.unfold("steps")
    expect(form.timeline.last.get_by_role("listitem").first).to_contain_text("Re-run")
    expect(form.timeline.last).not_to_contain_text("Job failed")
    earlier = form.earlier_runs
    expect(earlier.locator("summary")).to_have_text("Run 1 Job failed")
    expect(earlier.get_by_role("list")).to_be_hidden()
    earlier.locator("summary").click()
    expect(earlier.get_by_role("listitem").first).to_contain_text("Job accepted")
    expect(form.receipt).to_contain_text("2 of 2 machines confirmed terminated")
    assert form.download() == document.read_bytes() + b"\nthe text"


@pytest.mark.parametrize(("error", "kind"), [(MACHINE_LOST, "primary"), (SCRIPT_FAILED, "quiet")])
def test_a_failure_is_shown_with_its_reason_and_who_acts_and_a_retry_that_helps_stands_out(
    form: JobPage, fake_cloud: FakeCloud, document: Path, error: JobError, kind: str
) -> None:
    fake_cloud.error = error
    submit_and_fail(form, fake_cloud, document)
    reason, *printed = error.message.split("\nThe end of its stderr:\n")
    expect(form.job.locator(".notice .message")).to_have_text(reason)
    expect(form.job.get_by_label("End of the error output").locator("visible=true")).to_have_text(printed)
    expect(form.job).not_to_contain_text("The end of its stderr:")
    expect(form.sentence).to_be_empty()
    expect(form.job.get_by_role("button", name="Download result")).to_be_hidden()
    actor = FAILURES[error.code].actor.value
    who = [] if actor == "nobody" else [f"Who can fix it: {actor}"]
    expect(form.job.get_by_text("Who can fix it:").locator("..")).to_have_text(who)
    expect(form.job).to_contain_text(f"What to do: {error.advice}")
    expect(form.retry_button).to_have_class(kind)
    edit = form.job.get_by_role("button", name="Edit and run…")
    expect(edit).to_have_class("quiet" if kind == "primary" else "primary")
    expect(form.job.locator(".actions button:visible").first).to_have_class("primary")
    expect(form.retry_button).to_have_accessible_description(re.compile(re.escape(error.advice)))


def test_a_cancelled_job_is_tried_again(form: JobPage, fake_cloud: FakeCloud, document: Path) -> None:
    fake_cloud.stop_after = "script_started"
    form.page.clock.install()
    form.submit("the text", document)
    form.expect_event("The script is running")
    expect(form.retry_button).to_be_hidden()
    form.page.clock.pause_at(form.page.evaluate("Date.now() / 1000 + 60"))
    form.job.get_by_role("button", name="Cancel job").press("Enter")
    form.expect_status("Cancelled")
    expect(form.retry_button).to_be_hidden()  # as long as a second click, or Enter, may be meant for "Cancel job"
    expect(form.job.get_by_role("heading", name=document.name)).to_be_focused()
    form.page.clock.run_for(1000)
    form.page.clock.resume()
    expect(form.retry_button).to_be_visible()
    expect(form.retry_button).to_have_class("quiet")
    fake_cloud.stop_after = None
    form.retry_button.click()
    form.expect_status("Succeeded")
    expect(form.retry_button).to_be_hidden()


def test_a_machine_of_the_run_before_that_ends_late_is_not_taken_for_the_new_one(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.way = FAILING_WAY[:-1]
    job = fake_cloud.jobs[form.submit("the text", document)]
    form.expect_status("Failed")
    fake_cloud.way = (WAY[0], WAY[1], TERMINATED, *WAY[2:])
    fake_cloud.stop_after = "retried"
    form.retry_button.click()
    form.expect_sentence("Waiting for a free machine.")
    expect(form.receipt.get_by_text("Being terminated", exact=True)).to_be_visible()
    job.to_come = list(fake_cloud.way)
    fake_cloud.stop_after = "machine_terminated"
    form.expect_event("Machine confirmed terminated")
    form.expect_event("Fetching the file")
    form.expect_sentence("The machine is working on the job.")
    expect(form.receipt.get_by_text("Alive", exact=True)).to_be_visible()
    fake_cloud.stop_after = None
    expect(form.ending).to_have_text("All machines confirmed terminated")


def test_a_refused_retry_says_why_and_one_whose_answer_is_lost_is_seen_all_the_same(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, document: Path
) -> None:
    watch.allow("409|ERR_CONTENT_LENGTH_MISMATCH")
    fake_cloud.failing[RETRY] = [409, 0]
    job_id = submit_and_fail(form, fake_cloud, document)
    fake_cloud.jobs[job_id].happen("something_else", "")
    form.retry_button.press("Enter")
    expect(form.announcer).to_contain_text("not available right now")
    expect(form.retry_button).to_be_focused()
    form.expect_event("Something else")  # so the job was asked for once more
    expect(form.job.locator(".notice").filter(has_text="not available right now")).to_be_visible()
    expect(form.announcer).to_contain_text("not available right now")
    form.retry_button.click()
    form.expect_status("Succeeded")
    expect(form.job.locator(".notice:visible")).to_have_count(0)
    assert fake_cloud.calls.count(RETRY) == 2
