"""What the form asks for, refuses and keeps. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage, submit_by_keyboard

pytestmark = pytest.mark.browser


def test_a_form_without_a_file_says_so_and_keeps_the_text(form: JobPage, fake_cloud: FakeCloud) -> None:
    form.open()
    form.text.fill("the text")
    form.submit_button.click()
    expect(form.field_error("file")).to_have_text("Choose a file.")
    expect(form.file).to_be_focused()
    expect(form.text).to_have_value("the text")
    assert "POST /api/uploads" not in fake_cloud.calls


def test_an_empty_text_says_so_and_keeps_the_file(form: JobPage, fake_cloud: FakeCloud, document: Path) -> None:
    form.open()
    form.file.set_input_files(document)
    form.submit_button.click()
    expect(form.field_error("text")).to_have_text("Enter a text for the script.")
    expect(form.text).to_be_focused()
    expect(form.file_rows).to_contain_text(document.name)
    assert "POST /api/uploads" not in fake_cloud.calls


def test_a_file_over_the_limit_is_refused_before_it_is_uploaded(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.configure(max_upload_bytes=20)
    form.open()
    expect(form.page.locator("#file-hint")).to_contain_text("Up to 20 bytes")
    form.fill("the text", document)
    form.submit_button.click()
    words = f"“{document.name}” has 25 bytes. The limit is 20 bytes. Choose a smaller file, or split it."
    expect(form.field_error("file")).to_have_text(words)
    assert "POST /api/uploads" not in fake_cloud.calls


def test_a_text_over_the_limit_is_refused_counting_characters(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.set_constant("functions.api.routes.MAX_TEXT_CHARS", 3)
    form.open()
    expect(form.page.locator("#text-hint")).to_contain_text("0 of 3 characters")
    form.fill("🦋🦋🦋🦋", document)
    form.submit_button.click()
    expect(form.field_error("text")).to_have_text("The text has 4 characters. The limit is 3.")
    form.text.fill("🦋🦋🦋")
    form.submit_button.click()
    form.expect_status("Succeeded")


def test_a_field_that_the_api_refuses_gets_its_message_and_no_second_upload(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, document: Path
) -> None:
    watch.allow("400")
    fake_cloud.set_constant("functions.submission.submission.MAX_TEXT_CHARS", 12)  # fewer than GET /limits says
    form.open()
    form.fill("a text too long.", document)
    form.submit_button.click()
    expect(form.field_error("text")).to_have_text("The text has 16 characters; at most 12 are allowed.")
    expect(form.text).to_be_focused()
    form.text.fill("a fine word")
    form.submit_button.click()
    form.expect_status("Succeeded")
    assert fake_cloud.calls.count("POST s3") == 1


def test_the_form_is_empty_again_once_the_job_exists(form: JobPage, document: Path) -> None:
    form.open()
    form.submit("the text", document)
    expect(form.text).to_have_value("")
    expect(form.file).to_have_value("")
    expect(form.job.get_by_role("heading", name=document.name)).to_be_focused()


def test_the_text_survives_a_reload(form: JobPage) -> None:
    form.open()
    form.text.fill("a long thought")
    form.page.reload()
    expect(form.text).to_have_value("a long thought")


def test_a_file_can_be_dropped_anywhere_on_the_page(form: JobPage) -> None:
    form.open()
    dropped = form.page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['x'], 'dropped.txt')); return d; }"
    )
    form.page.locator("#jobs").dispatch_event("drop", {"dataTransfer": dropped})
    expect(form.file_rows).to_contain_text("dropped.txt")
    form.text.fill("the text")
    form.submit_button.click()
    form.expect_status("Succeeded")


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
