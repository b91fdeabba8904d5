"""How a job and the list of jobs are shown and followed. In a real browser, against the fake cloud."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import expect

from functions.execution.machine_report import EVENTS
from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import WAY

pytestmark = pytest.mark.browser


def test_a_job_goes_its_whole_way_and_unknown_events_are_shown_in_readable_words(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.events_per_look = 4
    fake_cloud.way = (("price_looked_up", "0.0002 USD"), ("constructor", ""), *fake_cloud.way)
    form.submit("the text 🦋", document)
    form.expect_status("Succeeded")
    for event in ("Price looked up", "Constructor", "Script ended", "Machine confirmed terminated"):
        form.expect_event(event)
    expect(form.timeline).not_to_contain_text(EVENTS["script_finished"])
    expect(form.announcer).to_contain_text("Succeeded")
    assert form.download() == document.read_bytes() + "\nthe text 🦋".encode()


REFUSALS = {
    "InsufficientInstanceCapacity": "AWS has no capacity at the moment.",
    "VcpuLimitExceeded": "The account's quota for machines is used up.",
    "RequestLimitExceeded": "AWS is limiting the request rate.",
    "SomethingNew": "AWS refused the launch.",
}


def test_a_queued_job_says_what_it_waits_for_and_why_and_by_whom_its_launch_was_refused(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    refusals = [
        ("launch_refused", f"t4g.micro, {market}, subnet-0a1b: {code}.")
        for code, market in zip(REFUSALS, cycle(("spot", "on-demand")), strict=False)
    ]
    fake_cloud.way = (*refusals, *WAY)
    fake_cloud.stop_after = "queued"
    job = fake_cloud.jobs[form.submit("the text", document)]
    form.expect_status("Queued")
    form.expect_sentence("Waiting for a free machine.")
    form.expect_event("Waiting for a free machine")
    fake_cloud.stop_after = "launch_refused"
    for why in REFUSALS.values():
        job.happen(*job.to_come.pop(0))
        form.expect_sentence(f"Waiting for a free machine. {why} Mayfly keeps trying.")
    form.expect_event("Retrying the launch")
    row = form.timeline.get_by_role("listitem").filter(has_text="Launch refused 4 times")
    for _, detail in refusals:
        expect(row).to_contain_text(detail)
    fake_cloud.stop_after = "launched"
    form.expect_status("Launching")
    form.expect_sentence("The machine is starting up.")


def test_a_running_job_is_followed_over_a_reload_a_lost_connection_and_a_cancel_that_comes_too_late(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, document: Path
) -> None:
    watch.allow("503|409")
    fake_cloud.stop_after = "script_started"
    job_id = form.submit("the text", document)
    form.expect_event("The script is running")
    form.page.reload()
    form.expect_event("The script is running")
    fake_cloud.failing["POST /api/jobs/{id}/cancel"] = [409]
    form.job.get_by_role("button", name="Cancel job").click()
    expect(form.announcer).to_contain_text("not available right now")
    assert fake_cloud.jobs[job_id].record["status"] == "running"
    fake_cloud.failing["GET /api/jobs/{id}"] = [503, 503]
    expect(form.job).to_contain_text("Reconnecting")
    fake_cloud.stop_after = None
    form.expect_status("Succeeded")
    expect(form.job).not_to_contain_text("Reconnecting")
    assert form.shown_job_id(document.name) == job_id


def scroll_to_the_end(form: JobPage, rows: int) -> None:
    """Rows are drawn as they come near."""
    while (before := form.rows.count()) < rows:
        form.rows.last.scroll_into_view_if_needed()
        expect(form.rows.nth(before)).to_be_attached()
    expect(form.rows).to_have_count(rows)


def test_earlier_jobs_are_listed_page_by_page(form: JobPage, fake_cloud: FakeCloud) -> None:
    names = [f"file {number}.txt" for number in range(80)]
    ids = [fake_cloud.add_finished_job(name) for name in names]
    form.open()
    expect(form.rows).to_have_count(25)
    expect(form.rows.first).to_contain_text("file 79.txt")
    more = form.page.get_by_role("button", name="Show earlier jobs")
    more.press("Enter")
    expect(form.rows.nth(25).get_by_role("link")).to_be_focused()
    scroll_to_the_end(form, 75)
    more.click()
    scroll_to_the_end(form, 80)
    expect(more).to_be_hidden()
    form.rows.last.get_by_role("link").click()
    assert form.shown_job_id("file 0.txt") == ids[0]
    form.expect_status("Succeeded")


def test_lists_that_cannot_be_loaded_say_so_until_they_can(form: JobPage, watch: Watch, fake_cloud: FakeCloud) -> None:
    watch.allow("503")
    job = fake_cloud.add_job("one.txt", "a text", b"")
    job.happen(*job.to_come.pop(0))
    form.page.clock.install()
    form.open()
    expect(form.rows).to_have_count(1)
    expect(form.machine_count).to_have_text("Machines alive now: 1")
    note, machines_note = form.page.locator("#jobs-note"), form.page.locator("#machines-note")
    fake_cloud.failing = {"GET /api/jobs": [503] * 20, "GET /api/machines": [503] * 20}
    form.after("00:05", lambda ms: expect(note).to_contain_text("cannot be loaded", timeout=ms))
    form.after("00:05", lambda ms: expect(form.machine_count).to_have_text("Machines alive now: unknown", timeout=ms))
    expect(form.machine_rows).to_have_count(0)
    expect(machines_note).to_contain_text("not available right now")
    form.page.clock.run_for(2000)
    expect(note).to_contain_text("cannot be loaded")
    fake_cloud.failing.clear()
    form.after("00:16", lambda ms: expect(note).to_be_empty(timeout=ms))
    form.after("00:16", lambda ms: expect(form.machine_count).to_have_text("Machines alive now: 1", timeout=ms))
