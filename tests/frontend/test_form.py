"""What the form asks for, refuses and keeps. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage, submit_by_keyboard

pytestmark = pytest.mark.browser


def test_what_is_missing_or_too_long_is_said_at_its_field_before_anything_is_sent(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.set_constant("functions.api.routes.MAX_TEXT_CHARS", 3)
    form.open()
    expect(form.page.locator("#jobs-note")).to_have_text("No jobs yet. Your first one will appear here.")
    expect(form.page.locator("#text-hint")).to_contain_text("0 of 3 characters")
    form.text.fill("🦋")
    form.submit_button.click()
    expect(form.field_error("file")).to_have_text("Choose a file.")
    expect(form.file).to_be_focused()
    expect(form.text).to_have_value("🦋")
    form.send("", document)
    expect(form.field_error("text")).to_have_text("Enter a text for the script.")
    expect(form.text).to_be_focused()
    expect(form.file_rows).to_contain_text(document.name)
    form.text.fill("🦋🦋🦋🦋")
    form.submit_button.click()
    expect(form.field_error("text")).to_have_text("The text has 4 characters. The limit is 3.")
    assert "POST /api/uploads" not in fake_cloud.calls
    form.text.fill("🦋🦋🦋")
    form.submit_button.click()
    form.expect_status("Succeeded")
    (job,) = fake_cloud.jobs.values()
    assert job.record["batch"] is None, "a single file is no batch"


def test_a_field_that_the_api_refuses_gets_its_message_and_no_second_upload(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, document: Path
) -> None:
    watch.allow("400")
    fake_cloud.set_constant("functions.submission.submission.MAX_TEXT_CHARS", 12)  # fewer than GET /limits says
    form.send("a text too long.", document)
    expect(form.field_error("text")).to_have_text("The text has 16 characters; at most 12 are allowed.")
    expect(form.text).to_be_focused()
    form.text.fill("a fine word")
    form.submit_button.click()
    form.expect_status("Succeeded")
    assert fake_cloud.calls.count("POST s3") == 1


def test_control_and_enter_submit_the_form_once_from_each_of_its_fields(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    form.open()
    for count, field in enumerate((form.text, form.file, form.submit_button), 1):
        form.fill("the text", document)
        field.press("Control+Enter")
        expect(form.rows).to_have_count(count)
        form.expect_status("Succeeded")
    assert fake_cloud.calls.count("POST /api/jobs") == 3


def test_the_keyboard_alone_is_enough(form: JobPage, document: Path) -> None:
    form.open()
    submit_by_keyboard(form, document)
    form.expect_status("Succeeded")
    expect(form.job.get_by_role("heading", name=document.name)).to_be_focused()
    expect(form.text).to_have_value("")
    expect(form.file).to_have_value("")
