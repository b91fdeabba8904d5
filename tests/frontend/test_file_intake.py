"""How files get into the form, and what of them is shown together. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser

PASTE = """([where, text, names]) => {
  const clipboardData = new DataTransfer();
  if (text) clipboardData.setData("text/plain", text);
  for (const name of names) clipboardData.items.add(new File(["content of " + name], name, {type: "image/png"}));
  const event = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
  return document.querySelector(where).dispatchEvent(event);
}"""


DROPPED = "() => { const d = new DataTransfer(); d.items.add(new File(['x'], 'dropped.txt')); return d; }"


def write(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).write_text(f"content of {name}")
    return [folder / name for name in names]


def test_files_are_dropped_anywhere_and_pasted_but_not_what_belongs_to_a_field(
    form: JobPage, fake_cloud: FakeCloud
) -> None:
    form.open()
    assert form.page.evaluate(PASTE, ["body", "", ["picture.png"]]) is False
    expect(form.file_rows).to_contain_text(["picture.png"])
    expect(form.announcer).to_have_text("1 file pasted.")
    assert form.page.evaluate(PASTE, ["#input-text", "a,b", ["table.png"]]) is True, "a table's text, in the field"
    assert form.page.evaluate(PASTE, ["body", "a,b", []]) is False
    expect(form.file_rows).to_contain_text(["picture.png", "pasted.txt"])
    form.page.locator("#jobs").dispatch_event("drop", {"dataTransfer": form.page.evaluate_handle(DROPPED)})
    expect(form.file_rows).to_contain_text(["picture.png", "pasted.txt", "dropped.txt"])
    form.text.fill("the text")
    form.submit_button.click()
    form.page.get_by_role("link", name="Show the batch").click()
    expect(form.job.get_by_role("heading", name="3 jobs submitted together")).to_be_visible()
    assert {job.record["filename"]: job.input for job in fake_cloud.jobs.values()} == {
        "picture.png": b"content of picture.png",
        "pasted.txt": b"a,b",
        "dropped.txt": b"x",
    }


def test_the_first_run_has_a_sample_and_later_ones_have_not(form: JobPage, fake_cloud: FakeCloud) -> None:
    form.open()
    form.page.get_by_role("button", name="Use a sample file").press("Enter")
    expect(form.file_rows).to_contain_text("sample.txt")
    expect(form.text).to_have_value("Hello from my first job.")
    expect(form.submit_button).to_be_focused()
    form.submit_button.press("Enter")
    form.expect_status("Succeeded")
    (job,) = fake_cloud.jobs.values()
    assert job.output.endswith(b"below this line.\nHello from my first job.")
    form.page.get_by_role("link", name="New job").click()
    expect(form.text).to_be_visible()
    expect(form.page.get_by_role("button", name="Use a sample file")).to_be_hidden()


def test_several_uploads_have_a_total_and_are_paused_together(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    fake_cloud.uploads_may_end.clear()
    form.send("the text", *write(tmp_path, "one.txt", "two.txt"))
    total = form.page.locator(".upload-total")
    expect(form.page.get_by_role("progressbar", name="Uploading all files")).to_be_visible()
    expect(total).to_contain_text("0 of 2 files · 36 bytes of 36 bytes")
    total.get_by_role("button", name="Pause all").click()
    expect(total).to_contain_text("paused")
    expect(form.file_rows.first).to_contain_text("Paused. 0 of 18 bytes kept: it is sent from its beginning")
    expect(form.submit_button).to_have_text("Paused (0 of 2 done)")
    expect(form.page.get_by_role("button", name="Resume two.txt")).to_be_visible()
    fake_cloud.uploads_may_end.set()
    total.get_by_role("button", name="Resume all").click()
    expect(form.submit_button).not_to_contain_text("Paused")
    expect(form.page.locator("#form-done")).to_contain_text("2 jobs created")
    expect(total).to_have_count(0)
    assert len(fake_cloud.jobs) == 2


def test_a_second_batch_is_submitted_while_the_first_is_uploaded(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    fake_cloud.uploads_may_end.clear()
    form.send("first text", *write(tmp_path, "one.txt", "two.txt"))
    form.page.get_by_role("button", name="Start another batch").click()
    expect(form.text).to_be_focused()
    expect(form.text).to_have_value("")
    under_way = form.page.get_by_role("region", name="Uploads under way")
    expect(under_way).to_contain_text("Text: first text")
    expect(under_way.locator("li")).to_have_count(2)
    form.send("second text", *write(tmp_path, "three.txt"))
    expect(form.file_rows).to_contain_text("three.txt")
    fake_cloud.uploads_may_end.set()
    expect(under_way).to_be_hidden()
    expect(form.rows).to_have_count(2)
    form.shown_job_id("three.txt")  # and not one of those that were put aside
    assert fake_cloud.texts == {"one.txt": "first text", "two.txt": "first text", "three.txt": "second text"}
    assert len({job.record["batch"] for job in fake_cloud.jobs.values()}) == 2


def test_an_upload_that_ends_while_it_is_put_aside_does_not_take_the_page_either(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    held = form.hold("**/background-uploads.js")
    fake_cloud.uploads_may_end.clear()
    form.send("the text", *write(tmp_path, "one.txt"))
    with form.page.expect_request("**/background-uploads.js"):
        form.page.get_by_role("button", name="Start another job").click()
    fake_cloud.uploads_may_end.set()
    expect(form.page.locator("#form-done")).to_have_text("1 job created. Show the job")
    held[0].continue_()
    expect(form.text).to_be_focused()
    expect(form.text).to_have_value("")
    expect(form.file_rows).to_have_count(0)
    expect(form.job).to_be_hidden()


def test_a_form_that_cannot_be_freed_says_so_and_what_is_put_aside_then_never_takes_the_page(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    watch.allow("background-uploads.js")
    form.page.route("**/background-uploads.js", lambda route: route.abort())
    fake_cloud.uploads_may_end.clear()
    form.fill("first text", *write(tmp_path, "one.txt"))
    form.submit_button.press("Enter")
    expect(form.text).to_be_focused()  # the button, which is disabled, has lost the focus
    start_another = form.page.get_by_role("button", name="Start another job")
    start_another.click()
    alert = form.page.locator("#form-error")
    expect(alert).to_contain_text("Your upload goes on. Check the connection, then press “Start another job” again.")
    expect(form.text).to_have_value("first text")
    form.page.unroute("**/background-uploads.js")
    start_another.click()
    expect(form.page.get_by_role("region", name="Uploads under way")).to_contain_text("Text: first text")
    expect(form.text).to_have_value("")
    expect(alert).to_be_hidden()
    fake_cloud.uploads_may_end.set()
    expect(form.page.locator("#form-done")).to_have_text("1 job created. Show the job")
    expect(form.rows).to_have_count(1)
    expect(form.job).to_be_hidden()


def test_what_fails_of_a_batch_in_the_background_is_retried_with_its_own_text(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    fake_cloud.uploads_may_end.clear()
    form.send("first text", *write(tmp_path, "one.txt", "two.txt"))
    expect(form.page.get_by_role("progressbar", name="Uploading one.txt")).to_be_visible()
    form.page.get_by_role("button", name="Start another batch").click()
    form.text.fill("second text")
    form.page.get_by_role("button", name="Stop one.txt").click()
    fake_cloud.uploads_may_end.set()
    under_way = form.page.get_by_role("region", name="Uploads under way")
    expect(under_way.locator("li")).to_contain_text(["The upload was stopped."])
    expect(form.page.locator("#form-done")).to_contain_text("1 job created. 1 file not submitted.")
    expect(form.text).to_have_value("second text")
    form.page.get_by_role("button", name="Retry one.txt").click()
    expect(under_way).to_be_hidden()
    expect(form.text).to_have_value("second text")
    assert fake_cloud.texts == {"one.txt": "first text", "two.txt": "first text"}
