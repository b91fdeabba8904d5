"""A reload loses no files that the browser can keep. In a real browser, against the fake cloud."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.cloud.steps import until
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser

# Every byte that the page has in its database, as text.
ON_DISK = """() => new Promise((resolve) => {
  indexedDB.open("mayfly").onsuccess = ({target: {result: database}}) => {
    database.transaction("files").objectStore("files").getAll().onsuccess = ({target: {result: records}}) => {
      database.close();
      resolve(records.map((record) => JSON.stringify(record) + new TextDecoder("latin1").decode(record.sealed)));
    };
  };
})"""
AGE = """() => new Promise((resolve) => {
  indexedDB.open("mayfly").onsuccess = ({target: {result: database}}) => {
    const files = database.transaction("files", "readwrite").objectStore("files");
    files.getAll().onsuccess = ({target: {result: records}}) => {
      files.clear();
      for (const {id: [at, ...rest], ...record} of records) files.put({...record, id: [at - 2 * 86_400_000, ...rest]});
      files.transaction.oncomplete = () => { database.close(); resolve(); };
    };
  };
})"""
# Counts in the window how many records the page reads from its database, contents and all.
COUNT_READS = """globalThis.readRecords = 0;
for (const name of ["get", "getAll"]) {
  const original = IDBObjectStore.prototype[name];
  IDBObjectStore.prototype[name] = function (...given) {
    const request = original.apply(this, given);
    request.addEventListener("success", () => (globalThis.readRecords += [request.result].flat().length));
    return request;
  };
}"""
KEYS = """() => new Promise((resolve) => {
  indexedDB.open("mayfly").onsuccess = ({target: {result: database}}) => {
    database.transaction("files").objectStore("files").getAllKeys().onsuccess = ({target: {result: keys}}) => {
      database.close();
      resolve(keys.length);
    };
  };
})"""
KEPT = "Kept if you reload: this tab has an encrypted copy until the job is created."


def test_a_chosen_file_survives_a_reload_and_is_gone_once_it_has_its_job(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    form.fill("the text", document)
    expect(form.page.locator("#kept-note")).to_contain_text(KEPT)
    form.page.reload()
    expect(form.file_rows).to_contain_text(document.name)
    expect(form.page.locator("#kept-note")).to_contain_text("From before the reload, and not sent yet.")
    expect(form.text).to_have_value("the text")
    form.submit_button.click()
    form.expect_status("Succeeded")
    (job,) = fake_cloud.jobs.values()
    assert job.input == document.read_bytes()
    form.page.wait_for_function("() => sessionStorage.length === 0")
    assert form.page.evaluate(ON_DISK) == []
    form.page.reload()
    form.expect_status("Succeeded")
    expect(form.file_rows).to_have_count(0)


def test_what_is_kept_is_of_this_tab_alone_and_unreadable_without_it(
    form: JobPage, document: Path, context: BrowserContext, tmp_path: Path
) -> None:
    form.open()
    form.file.set_input_files(document)
    expect(form.page.locator("#kept-note")).to_contain_text(KEPT)
    (kept,) = form.page.evaluate(ON_DISK)
    for known in ("first line", "draft", "text/plain"):
        assert known not in kept
    other = JobPage(context.new_page(), form.url)
    other.open()
    expect(other.page.locator("#jobs-note")).to_contain_text("No jobs yet.")
    expect(other.file_rows).to_have_count(0)
    # What is taken out is deleted, and so is what is a day old.
    form.page.get_by_role("button", name="Remove").click()
    form.page.wait_for_function("() => sessionStorage.length === 0")
    assert form.page.evaluate(ON_DISK) == []
    form.file.set_input_files(document)
    expect(form.page.locator("#kept-note")).to_contain_text(KEPT)
    form.page.evaluate(AGE)
    (tmp_path / "other.txt").write_bytes(b"content")
    form.file.set_input_files(tmp_path / "other.txt")
    expect(form.page.locator("#kept-note")).to_contain_text("encrypted copies")
    assert len(form.page.evaluate(ON_DISK)) == 1


def test_to_keep_one_more_file_none_of_the_others_is_read_again(form: JobPage, tmp_path: Path) -> None:
    form.page.add_init_script(COUNT_READS)
    names = [f"{number}.txt" for number in range(4)]
    form.open()
    for number, name in enumerate(names):
        (tmp_path / name).write_text(f"content of {name}")
        form.file.set_input_files(tmp_path / name)
        expect(form.page.locator("#kept-note")).to_be_visible()
        until(lambda count=number + 1: form.page.evaluate(KEYS) == count)  # type: ignore[misc]
    assert form.page.evaluate("readRecords") == 0
    form.page.reload()
    expect(form.file_rows.locator("strong")).to_have_text(names)
    assert form.page.evaluate("readRecords") == len(names)


def test_a_file_that_is_too_large_to_be_kept_is_said_to_be(form: JobPage, document: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(2**26 + 1)
    form.open()
    form.file.set_input_files([document, large])
    note = form.page.locator("#kept-note")
    expect(note).to_contain_text("1 of 2 files are kept if you reload")
    expect(note).to_contain_text("The other is too large for that.")
    form.file_rows.get_by_role("button", name=f"Remove {document.name}").click()
    expect(note).to_have_text("Too large to be kept if you reload: choose it again then.")


def held_in_its_third_part(form: JobPage, fake_cloud: FakeCloud, folder: Path) -> Path:
    """A file that is kept, and of whose upload the first two parts are stored."""
    fake_cloud.upload_in_parts(50_000, 10_000)
    file = folder / "large.bin"
    file.write_bytes(os.urandom(52_345))
    fake_cloud.uploads_may_end.clear()
    fake_cloud.first_held_part = 3
    form.fill("the text", file)
    expect(form.page.locator("#kept-note")).to_contain_text(KEPT)
    form.submit_button.click()
    expect(form.file_rows).to_contain_text("waiting for the storage")
    return file


def test_an_upload_that_a_reload_cut_off_is_named_at_once_and_goes_on_by_itself(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    file = held_in_its_third_part(form, fake_cloud, tmp_path)
    form.page.on("dialog", lambda dialog: dialog.accept())
    held = form.hold("**/form-files.js")
    with form.page.expect_request("**/form-files.js"):
        form.page.reload()
    cut_off = form.page.get_by_role("region", name="Interrupted upload")
    expect(cut_off.get_by_role("listitem")).to_have_text([file.name])  # before what resumes it is loaded
    fake_cloud.uploads_may_end.set()
    for route in held:
        route.continue_()
    form.shown_job_id(file.name)
    form.expect_status("Succeeded")
    assert form.download() == file.read_bytes() + b"\nthe text"
    assert fake_cloud.calls.count("POST /api/uploads") == 1
    expect(cut_off).to_be_hidden()
    form.page.wait_for_function("() => sessionStorage.length === 0")
    assert form.page.evaluate(ON_DISK) == []


def test_an_upload_that_was_paused_before_a_reload_stays_paused_and_says_so(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    file = held_in_its_third_part(form, fake_cloud, tmp_path)
    form.page.get_by_role("button", name="Pause").click()
    expect(form.file_rows).to_contain_text("Paused. 20 KiB of 51 KiB are stored")
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    fake_cloud.uploads_may_end.set()
    cut_off = form.page.get_by_role("region", name="Interrupted upload")
    expect(cut_off).to_contain_text("Paused. 20 KiB of 51 KiB are stored and are not sent again.")
    expect(cut_off.get_by_text("Choose the same file again")).to_be_hidden()
    assert "POST /api/uploads/{id}/parts" not in fake_cloud.calls, "nothing was asked for, let alone sent"
    cut_off.get_by_role("button", name="Resume").click()
    form.shown_job_id(file.name)
    form.expect_status("Succeeded")
    assert form.download() == file.read_bytes() + b"\nthe text"


def test_a_file_that_has_its_job_is_not_put_back_while_others_are_uploaded(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    fake_cloud.upload_in_parts(100, 10_000)
    fake_cloud.uploads_may_end.clear()
    fake_cloud.first_held_part = 2
    quick, slow = tmp_path / "quick.bin", tmp_path / "slow.bin"
    quick.write_bytes(bytes(5_000))
    slow.write_bytes(bytes(25_000))
    form.fill("the text", quick, slow)
    expect(form.page.locator("#kept-note")).to_contain_text("encrypted copies")
    form.submit_button.click()
    expect(form.rows).to_have_count(1)
    expect(form.file_rows.filter(has_text="slow.bin")).to_contain_text("waiting for the storage")
    until(lambda: len(form.page.evaluate(ON_DISK)) == 1)
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    fake_cloud.uploads_may_end.set()
    expect(form.page.locator("#job-list")).to_contain_text("2 jobs")
    expect(form.file_rows).to_have_count(0)
    assert sorted(job.record["filename"] for job in fake_cloud.jobs.values()) == ["quick.bin", "slow.bin"]


def test_files_of_another_batch_do_not_come_back_under_the_next_ones_text(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.uploads_may_end.clear()
    form.fill("first text", document)
    expect(form.page.locator("#kept-note")).to_contain_text(KEPT)
    form.submit_button.click()
    form.page.get_by_role("button", name="Start another job").click()
    form.text.fill("second text")
    until(lambda: form.page.evaluate(ON_DISK) == [])
    assert "POST /api/jobs" not in fake_cloud.calls  # it is still being uploaded
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    expect(form.text).to_have_value("second text")
    expect(form.page.locator("#file-limits")).to_contain_text("Up to")
    expect(form.file_rows).to_have_count(0)
