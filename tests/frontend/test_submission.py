"""From the button to the job: nothing is lost and nothing happens twice. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from functions.submission.overrides import Allowance
from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser


def test_progress_is_shown_while_uploading_and_a_second_click_does_nothing(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.uploads_may_end.clear()
    form.fill("the text", document)
    form.submit_button.dblclick()
    expect(form.page.get_by_role("progressbar")).to_be_visible()
    expect(form.file_rows).to_contain_text("of 25 bytes")
    expect(form.submit_button).to_be_disabled()
    form.submit_button.click(force=True)
    fake_cloud.uploads_may_end.set()
    form.expect_status("Succeeded")
    assert fake_cloud.calls.count("POST /api/uploads") == 1
    assert fake_cloud.calls.count("POST /api/jobs") == 1


def test_an_upload_is_paused_and_stopped_before_the_limits_are_known(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    held = form.hold("**/api/limits")
    form.send("the text", document)
    form.page.get_by_role("button", name="Pause").click()
    expect(form.file_rows).to_contain_text("Paused.")
    form.page.get_by_role("button", name="Stop").click()
    expect(form.page.get_by_role("alert")).to_contain_text("The upload was stopped.")
    assert "POST /api/uploads" not in fake_cloud.calls
    for route in held:
        route.continue_()
    form.submit_button.click()
    form.expect_status("Succeeded")


def test_a_file_and_a_click_that_come_before_the_files_modules_are_there_wait_for_them(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    held = form.hold("**/batch-runner.js")
    form.open()
    with form.page.expect_request("**/batch-runner.js"):
        form.fill("the text", document)
    form.submit_button.dblclick()
    expect(form.field_error("file")).to_be_hidden()
    held[0].continue_()
    form.expect_status("Succeeded")
    assert fake_cloud.calls.count("POST /api/jobs") == 1


def test_files_whose_modules_cannot_be_loaded_are_chosen_again_or_found_by_another_reload(
    form: JobPage, watch: Watch, document: Path
) -> None:
    watch.allow("ERR_FAILED")
    form.page.route("**/form-files.js", lambda route: route.abort())
    form.open()
    form.file.set_input_files(document)
    expect(form.field_error("file")).to_contain_text("A part of the page cannot be loaded. Check the connection")
    form.page.unroute("**/form-files.js")
    form.fill("the text", document)
    expect(form.file_rows).to_have_count(1)
    expect(form.field_error("file")).to_be_hidden()
    expect(form.page.locator("#kept-note")).to_contain_text("Kept if you reload")
    form.page.route("**/form-files.js", lambda route: route.abort())
    form.page.reload()
    expect(form.page.locator("#form-error")).to_contain_text("A part of the page cannot be loaded")
    form.page.unroute("**/form-files.js")
    form.page.get_by_role("button", name="Reload").click()
    expect(form.file_rows).to_contain_text(document.name)
    form.submit_button.click()
    form.expect_status("Succeeded")


def test_a_lost_answer_makes_no_second_job(form: JobPage, watch: Watch, fake_cloud: FakeCloud, document: Path) -> None:
    watch.allow("503|ERR_CONTENT_LENGTH_MISMATCH")
    fake_cloud.failing["POST /api/jobs"] = [0, 503, 503]
    form.send("the text", document)
    expect(form.page.get_by_role("alert")).to_contain_text("not available right now")
    form.submit_button.click()
    form.expect_status("Succeeded")
    assert len(fake_cloud.jobs) == 1
    assert fake_cloud.calls.count("POST s3") == 1


def test_a_reload_before_the_job_exists_finishes_the_submission(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, document: Path
) -> None:
    watch.allow("503")
    fake_cloud.failing["POST /api/jobs"] = [503] * 3
    fake_cloud.configure(allowance=Allowance(("c7g.large",), 60, 90))
    form.open()
    form.page.get_by_text("Options", exact=True).click()
    form.page.get_by_label("Machine type").select_option("c7g.large")
    expect(form.page.get_by_text("What c7g.large costs is not shown here.")).to_be_visible()
    minutes = form.page.get_by_label("Time-out in minutes")
    minutes.fill("500")
    form.send("the text", document)
    expect(minutes).to_be_focused()
    expect(form.field_error("timeout-minutes")).to_have_text("Enter whole minutes, from 1 to 90, or nothing.")
    minutes.fill("90")
    form.submit_button.click()
    expect(form.page.get_by_role("alert")).to_be_visible()
    form.page.reload()
    form.expect_status("Succeeded")
    expect(form.text).to_have_value("")
    assert fake_cloud.calls.count("POST s3") == 1
    (job,) = fake_cloud.jobs.values()
    assert job.record["overrides"] == {"instance_type": "c7g.large", "timeout_minutes": 90}
