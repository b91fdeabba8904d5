"""Large files go in parts, and none is sent twice without need. In a real browser, against the fake cloud."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser


@pytest.fixture
def _without_database(page: Page) -> None:
    """As a browser that keeps no files."""
    page.add_init_script("Object.defineProperty(globalThis, 'indexedDB', {value: undefined})")


@pytest.fixture
def large(tmp_path: Path, fake_cloud: FakeCloud) -> Path:
    """A file of six parts, the last one shorter."""
    fake_cloud.upload_in_parts(50_000, 10_000)
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(52_345))
    return file


def parts_sent(fake_cloud: FakeCloud) -> list[int]:
    return sorted(int(call.split()[-1]) for call in fake_cloud.calls if call.startswith("PUT s3"))


def parts_asked(watch: Watch) -> list[int]:
    """As the browser counts them: the fake may read one only after the page has been left."""
    return sorted(
        int(number) for line in watch.requests for number in re.findall(r"^sent +PUT.*partNumber=(\d+)", line)
    )


def cut_off(form: JobPage) -> Locator:
    return form.page.get_by_role("region", name="Interrupted upload")


def cut_off_after_two_parts(form: JobPage, fake_cloud: FakeCloud, large: Path) -> None:
    """Reloads the page in the middle of an upload."""
    fake_cloud.uploads_may_end.clear()
    fake_cloud.first_held_part = 3
    form.send("the text", large)
    # All is sent but not all is stored.
    expect(form.file_rows).to_contain_text("51 KiB of 51 KiB · waiting for the storage")
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    fake_cloud.uploads_may_end.set()
    expect(cut_off(form)).to_contain_text("large.bin")


def test_parts_go_side_by_side_and_what_breaks_off_or_expires_is_sent_again(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, large: Path
) -> None:
    watch.allow("ERR_EMPTY_RESPONSE|ERR_CONNECTION|403|503|409")
    # So the addresses expire that are being used.
    fake_cloud.failing = {f"PUT s3 {number}": [403] for number in (1, 3, 4)}
    fake_cloud.failing |= {"PUT s3 2": [0, 503], "POST /api/uploads/{id}/complete": [503, 409]}
    fake_cloud.uploads_may_end.clear()
    form.send("the text", large)
    expect(form.file_rows).to_contain_text("76 % · 39 KiB of 51 KiB")
    assert parts_sent(fake_cloud) == [1, 2, 3, 4]
    held = form.hold("**/complete", times=1)
    fake_cloud.uploads_may_end.set()
    expect(form.file_rows).to_contain_text("All parts are sent. Joining them…")
    held[0].continue_()
    form.shown_job_id(large.name)
    form.expect_status("Succeeded")
    assert form.download() == large.read_bytes() + b"\nthe text"
    assert fake_cloud.calls.count("POST /api/uploads") == 1
    assert fake_cloud.calls.count("POST s3") == 0


@pytest.mark.parametrize(("field", "text"), [("Files", ""), ("Choose the file again: large.bin", "the text")])
@pytest.mark.usefixtures("_without_database")
def test_after_a_reload_only_the_missing_parts_of_the_same_file_are_sent(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, large: Path, tmp_path: Path, field: str, text: str
) -> None:
    cut_off_after_two_parts(form, fake_cloud, large)
    expect(cut_off(form)).to_contain_text("Text: the text")
    expect(cut_off(form)).to_contain_text("20 KiB of 51 KiB are stored and are not sent again.")
    chooser = form.page.get_by_label("Choose the file again")
    other = tmp_path / "other" / large.name
    other.parent.mkdir()
    other.write_bytes(bytes(52_345))
    os.utime(other, (0, 0))
    for file, how in ((other, "it was changed later"), (tmp_path / "b.bin", "its name is “b.bin”")):
        file.touch() if not file.exists() else None
        chooser.set_input_files(file)
        expect(cut_off(form).get_by_role("alert")).to_contain_text(f"This is a different file: {how}.")
    watch.requests.clear()
    fake_cloud.uploads_may_end.clear()
    form.text.fill(text)
    form.page.get_by_label(field, exact=True).set_input_files(large)
    expect(cut_off(form)).to_contain_text("Resumed with its text: the text")
    expect(form.announcer).to_have_text("Resuming the interrupted upload of large.bin")
    fake_cloud.uploads_may_end.set()
    form.shown_job_id(large.name)
    form.expect_status("Succeeded")
    assert parts_asked(watch) == [3, 4, 5, 6]
    assert form.download() == large.read_bytes() + b"\nthe text"
    expect(cut_off(form)).to_be_hidden()
    expect(form.text).to_have_value("")
    form.page.wait_for_function("() => sessionStorage.length === 0")


@pytest.mark.usefixtures("_without_database")
def test_the_same_file_chosen_with_another_text_is_another_job(
    form: JobPage, fake_cloud: FakeCloud, large: Path
) -> None:
    cut_off_after_two_parts(form, fake_cloud, large)
    form.fill("another text", large)
    expect(form.file_rows).to_contain_text("large.bin")
    expect(cut_off(form)).to_contain_text("Text: the text")
    form.submit_button.click()
    form.shown_job_id(large.name)
    form.expect_status("Succeeded")
    assert form.download() == large.read_bytes() + b"\nanother text"
    expect(cut_off(form)).to_contain_text("Text: the text")


def test_an_upload_is_paused_and_goes_on_with_what_is_missing(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, large: Path
) -> None:
    fake_cloud.uploads_may_end.clear()
    fake_cloud.first_held_part = 3
    form.send("the text", large)
    expect(form.file_rows).to_contain_text("waiting for the storage")
    form.page.get_by_role("button", name="Pause").press("Enter")
    expect(form.file_rows).to_contain_text("Paused. 20 KiB of 51 KiB are stored and are not sent again.")
    expect(form.announcer).to_have_text("large.bin is paused.")
    resume = form.page.get_by_role("button", name="Resume")
    expect(resume).to_be_focused()
    expect(form.page.get_by_role("progressbar")).to_be_hidden()
    watch.requests.clear()
    fake_cloud.uploads_may_end.set()
    resume.press("Enter")
    form.shown_job_id(large.name)
    form.expect_status("Succeeded")
    assert parts_asked(watch) == [3, 4, 5, 6]
    assert "POST /api/uploads/{id}/parts" not in fake_cloud.calls
    assert form.download() == large.read_bytes() + b"\nthe text"


def test_a_paused_upload_can_be_stopped(form: JobPage, fake_cloud: FakeCloud, large: Path) -> None:
    fake_cloud.uploads_may_end.clear()
    form.send("the text", large)
    expect(form.file_rows).to_contain_text("of 51 KiB")
    form.page.get_by_role("button", name="Pause").click()
    expect(form.file_rows).to_contain_text("Paused. 0 of 51 KiB kept: it is sent from its beginning")
    expect(form.submit_button).to_have_text("Paused")
    expect(form.page.get_by_role("button", name="Start another job")).to_be_visible()
    with form.page.expect_response("**/abort"):
        form.page.get_by_role("button", name="Stop").click()
    expect(form.page.locator("#form-error")).to_contain_text("The upload was stopped.")


@pytest.mark.usefixtures("_without_database")
def test_after_a_reload_an_upload_that_was_complete_is_found_to_be(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, large: Path
) -> None:
    watch.allow("404")
    cut_off_after_two_parts(form, fake_cloud, large)
    ((key, upload_id),) = fake_cloud.s3.uploads
    content = large.read_bytes()
    for number in range(1, 7):
        fake_cloud.s3.store_part(key, upload_id, number, content[(number - 1) * 10_000 :][:10_000])
    job_id = key.split("/")[2]
    fake_cloud.submission.uploads.complete(fake_cloud.owner, job_id, upload_id, large.name, len(content))
    watch.requests.clear()
    form.page.get_by_label("Choose the file again").set_input_files(large)
    form.shown_job_id(large.name)
    assert parts_asked(watch) == []


@pytest.mark.usefixtures("_without_database")
def test_a_stopped_or_abandoned_upload_leaves_nothing_behind(form: JobPage, fake_cloud: FakeCloud, large: Path) -> None:
    cut_off_after_two_parts(form, fake_cloud, large)
    assert len(fake_cloud.s3.uploads) == 1
    with form.page.expect_response("**/abort"):
        cut_off(form).get_by_role("button", name="Discard").press("Enter")
    expect(form.announcer).to_have_text("The upload of large.bin is discarded.")
    expect(form.page.get_by_role("heading", name="New job")).to_be_focused()
    fake_cloud.uploads_may_end.clear()
    form.file.set_input_files(large)
    form.submit_button.click()
    expect(form.file_rows).to_contain_text("51 KiB of 51 KiB")
    with form.page.expect_response("**/abort"):
        form.page.get_by_role("button", name="Stop").click()
    expect(form.page.locator("#form-error")).to_contain_text("The upload was stopped.")
    assert fake_cloud.s3.uploads == {}
    fake_cloud.uploads_may_end.set()
    form.page.reload()
    expect(form.text).to_have_value("the text")
    expect(cut_off(form)).to_be_hidden()
