"""Several files at once: a job each, and none stands in another's way. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.cloud.steps import until
from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser

NAMES = ("one.txt", "two.txt", "three.txt", "four.txt")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name in NAMES:
        (tmp_path / name).write_text(f"content of {name}")
    return [tmp_path / name for name in NAMES]


def test_each_file_becomes_a_job_and_only_a_few_are_uploaded_at_a_time(
    form: JobPage, fake_cloud: FakeCloud, files: list[Path]
) -> None:
    fake_cloud.uploads_may_end.clear()
    form.fill("the same text", *files[:2])
    form.file.set_input_files(files[1:])  # added to those that are there, and the same one not twice
    expect(form.file_rows).to_have_count(4)
    form.page.get_by_role("button", name="Run 4 jobs").click()
    expect(form.file_rows.get_by_role("progressbar")).to_have_count(3)
    expect(form.file_rows.last).to_contain_text("Waiting for other uploads.")
    fake_cloud.uploads_may_end.set()
    expect(form.page.locator("#form-done")).to_have_text("4 jobs created, one per file. Show the batch")
    expect(form.page.locator("#form-done")).to_be_focused()
    expect(form.rows).to_have_count(1)
    expect(form.rows).to_contain_text("of 4 done")
    expect(form.file_rows).to_have_count(0)
    expect(form.text).to_have_value("")
    expect(form.job).to_be_hidden()
    assert fake_cloud.texts == dict.fromkeys(NAMES, "the same text")


def test_files_that_cannot_be_sent_are_named_with_a_remedy_and_can_be_taken_out(
    form: JobPage, fake_cloud: FakeCloud, files: list[Path], tmp_path: Path
) -> None:
    fake_cloud.configure(max_upload_bytes=30)
    fake_cloud.set_constant("functions.api.routes.MAX_FILENAME_BYTES", 20)
    large, long = tmp_path / "large.bin", tmp_path / f"{'€' * 6}.txt"
    large.write_bytes(bytes(31))
    long.write_bytes(b"")
    form.open()
    hint = form.page.locator("#file-hint")
    expect(hint).to_contain_text("Up to 30 bytes each.")
    form.fill("the text", files[0], large, long)
    problem = form.field_error("file")
    expect(problem).to_contain_text(
        "“large.bin” has 31 bytes. The limit is 30 bytes. Choose a smaller file, or split it."
    )
    expect(problem).to_contain_text(f"The name of “{long.name}” has 22 bytes. The limit is 20. Rename the file.")
    form.submit_button.click()
    expect(form.file).to_be_focused()
    assert "POST /api/uploads" not in fake_cloud.calls
    for name, neighbour in ((large.name, long.name), (long.name, files[0].name)):
        form.page.get_by_role("button", name=f"Remove {name}").press("Enter")
        expect(form.page.get_by_role("button", name=f"Remove {neighbour}")).to_be_focused()
    expect(problem).to_be_hidden()
    form.submit_button.click()
    form.expect_status("Succeeded")


def test_one_that_fails_and_one_that_is_stopped_stay_and_are_tried_again(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, files: list[Path]
) -> None:
    watch.allow("403")
    fake_cloud.uploads_may_end.clear()
    fake_cloud.failing["POST s3"] = [403]
    form.send("the text", *files[:3])
    expect(form.file_rows.get_by_role("progressbar")).to_have_count(3)
    until(lambda: fake_cloud.calls.count("POST s3") == 3)  # one that has not begun leaves nothing
    form.page.get_by_role("button", name="Stop two.txt").click()
    expect(form.file_rows.nth(1)).to_contain_text("The upload was stopped.")
    until(lambda: "left s3" in fake_cloud.calls)  # else it may be the one that is refused
    fake_cloud.uploads_may_end.set()
    alert = form.page.locator("#form-error")
    expect(alert).to_contain_text("1 job created. 2 files not submitted.")
    expect(alert).to_contain_text("Your text and the 2 files are kept. Press “Run 2 jobs” to try again.")
    expect(alert).to_be_focused()
    expect(form.file_rows.filter(has_text="the permission to upload has expired")).to_have_count(1)
    expect(form.text).to_have_value("the text")
    form.page.get_by_role("button", name="Retry two.txt").click()
    expect(form.file_rows).to_have_count(1)
    form.submit_button.click()
    expect(form.file_rows).to_have_count(0)
    assert sorted(fake_cloud.texts) == sorted(NAMES[:3])
