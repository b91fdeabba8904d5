"""What comes late on a slow link, or not at all, finds the page as it is by then. In a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser

NOT_LOADED = "A part of the page cannot be loaded. Check the connection"


def go(form: JobPage, fragment: str) -> None:
    form.page.evaluate("fragment => { location.hash = fragment; }", fragment)


def add_batch(fake_cloud: FakeCloud, *, running: int = 0) -> None:
    for name in ("a.txt", "b.txt"):
        fake_cloud.add_finished_job(name, batch="lab-1")
    fake_cloud.stop_after = "script_started"
    for number in range(running):
        fake_cloud.look_at(fake_cloud.add_job(f"{number}.txt", batch="lab-1"))


@pytest.fixture
def large(tmp_path: Path, fake_cloud: FakeCloud) -> Path:
    """A file of six parts."""
    fake_cloud.upload_in_parts(50_000, 10_000)
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(52_345))
    return file


def test_a_view_that_cannot_be_loaded_leaves_alone_what_is_shown_meanwhile(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud
) -> None:
    watch.allow("ERR_FAILED")
    add_batch(fake_cloud)
    job_id = fake_cloud.add_finished_job("other.txt")
    held = form.hold("**/job-view.js")
    form.open()
    expect(form.rows).to_have_count(2)
    with form.page.expect_request("**/job-view.js"):
        go(form, f"#/jobs/{job_id}")
    go(form, "#/batches/lab-1")
    expect(form.job.get_by_role("heading", name="2 jobs submitted together")).to_be_focused()
    held.pop().abort()
    form.page.unroute("**/job-view.js")
    form.page.evaluate("import('/job/job-view.js')")  # what waited for it has gone on by then
    assert form.rows.nth(1).get_by_role("link").get_attribute("aria-current") == "true"
    assert "cannot be shown" not in form.page.locator("#jobs-note").inner_text()


def test_a_batch_that_is_deleted_from_while_it_is_asked_for_stays_without(form: JobPage, fake_cloud: FakeCloud) -> None:
    add_batch(fake_cloud, running=1)
    form.open("#/batches/lab-1")
    expect(form.job.locator(".sentence")).to_have_text("2 of 3 done.")
    late: list[Callable[[], None]] = []

    def answer_late(route: Route) -> None:
        if late:
            route.continue_()
            return
        answer = route.fetch()
        late.append(lambda: route.fulfill(response=answer))

    form.page.route("**/api/jobs?*batch=*", answer_late)
    with form.page.expect_request("**/api/jobs?*batch=*"):
        pass
    form.job.get_by_role("button", name="Delete 2…").click()
    form.page.get_by_role("dialog").get_by_role("button", name="Delete 2 jobs").click()
    expect(form.job).to_contain_text("2 jobs deleted.")
    with form.page.expect_request("**/api/jobs?*batch=*"):  # the next one: the late answer is shown by then
        late[0]()
    expect(form.job.locator(".rows").get_by_role("listitem")).to_have_count(1)


def test_the_jobs_of_a_batch_are_looked_at_together(form: JobPage, watch: Watch, fake_cloud: FakeCloud) -> None:
    add_batch(fake_cloud, running=20)
    form.open("#/batches/lab-1")
    expect(form.job.locator(".sentence")).to_have_text("2 of 22 done.")
    assert watch.count_sent("/api/machines") < 10


def test_what_cannot_be_loaded_is_said_and_can_be_asked_for_again(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud
) -> None:
    watch.allow("ERR_FAILED")
    form.page.route("**/sample.js", lambda route: route.abort())
    form.open()
    form.page.get_by_role("button", name="sample").click()
    expect(form.field_error("file")).to_contain_text(NOT_LOADED)
    add_batch(fake_cloud)
    form.page.route("**/bulk.js", lambda route: route.abort())
    form.page.reload()
    select = form.page.get_by_role("button", name="Select", exact=True)
    select.click()
    expect(form.page.locator("#jobs-note")).to_contain_text(NOT_LOADED)
    expect(select).to_have_attribute("aria-pressed", "false")
    form.page.unroute("**/bulk.js")
    select.click()
    expect(form.page.locator("#bulk")).to_contain_text("0 jobs selected")
    held = form.hold("**/download-all.js")
    go(form, "#/batches/lab-1")
    download = form.job.get_by_role("button", name="Download all (2)")
    with form.page.expect_request("**/download-all.js"):
        download.click()
    expect(download).to_be_disabled()
    held[0].abort()
    expect(form.job).to_contain_text(NOT_LOADED)
    expect(download).to_be_enabled()


def test_a_large_file_that_is_stopped_before_its_module_is_there_leaves_nothing(
    form: JobPage, fake_cloud: FakeCloud, large: Path
) -> None:
    held = form.hold("**/multipart.js")
    form.fill("the text", large)
    with form.page.expect_request("**/multipart.js"):
        form.submit_button.click()
    form.page.get_by_role("button", name="Stop").click()
    expect(form.page.locator("#form-error")).to_contain_text("The upload was stopped.")
    held[0].continue_()
    form.page.unroute("**/multipart.js")
    form.page.evaluate("import('/upload/multipart.js')")
    assert fake_cloud.s3.uploads == {}
    assert "mayfly.unfinished" not in form.page.evaluate("Object.keys(sessionStorage)")


def cut_off(form: JobPage, fake_cloud: FakeCloud, large: Path) -> None:
    """Leaves the page in the middle of an upload, without a copy of its file."""
    form.page.add_init_script("Object.defineProperty(globalThis, 'indexedDB', {value: undefined})")
    fake_cloud.uploads_may_end.clear()
    fake_cloud.first_held_part = 3
    form.send("the text", large)
    expect(form.file_rows).to_contain_text("waiting for the storage")
    form.page.on("dialog", lambda dialog: dialog.accept())


def test_an_interrupted_upload_that_is_not_there_yet_is_said_to_be_missing_or_gets_the_file_that_is_chosen(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, large: Path
) -> None:
    watch.allow("ERR_FAILED")
    cut_off(form, fake_cloud, large)
    form.page.route("**/resumable-uploads.js", lambda route: route.abort())
    form.page.reload()
    expect(form.page.locator("#form-error")).to_contain_text("so unfinished uploads and kept files are not shown.")
    form.page.unroute("**/resumable-uploads.js")
    held = form.hold("**/resumable-uploads.js")
    with form.page.expect_request("**/resumable-uploads.js"):
        form.page.reload()
    form.file.set_input_files(large)
    form.submit_button.click()
    fake_cloud.uploads_may_end.set()
    held[0].continue_()
    expect(form.page.get_by_role("region", name="Interrupted upload")).to_contain_text(
        "Resumed with its text: the text"
    )
    form.shown_job_id(large.name)
    assert len(fake_cloud.jobs) == 1


def test_the_notice_of_being_offline_goes_when_the_network_comes_back_during_its_check(
    form: JobPage, watch: Watch
) -> None:
    watch.allow("ERR_FAILED")
    form.open()
    held = form.hold("**/favicon.svg")
    online = """isOnline => {
      Object.defineProperty(navigator, "onLine", {configurable: true, get: () => isOnline});
      dispatchEvent(new Event(isOnline ? "online" : "offline"));
    }"""
    with form.page.expect_request("**/favicon.svg"):
        form.page.evaluate(online, False)
    form.page.evaluate(online, True)
    with form.page.expect_event("requestfailed"):
        held[0].abort()
    form.page.evaluate("new Promise((resolve) => setTimeout(resolve))")
    expect(form.page.locator("#offline")).to_be_empty()
