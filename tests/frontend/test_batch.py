"""Jobs that were submitted together. In a real browser, against the fake cloud."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import FAILING_WAY

pytestmark = pytest.mark.browser

# As a browser without the File System Access API: the archive is kept in memory.
WITHOUT_PICKER = "() => { delete globalThis.showSaveFilePicker; }"
# As where a policy forbids it, or the click was too long ago.
FORBIDDEN = """() => {
  globalThis.showSaveFilePicker = async () => { throw new DOMException("not now", "SecurityError"); };
}"""
# A headless Chromium, too, is as one whose dialog was closed at once.
CLOSED = """() => {
  globalThis.showSaveFilePicker = async () => { throw new DOMException("closed", "AbortError"); };
}"""
PICKER = """() => {
  globalThis.saved = [];
  globalThis.showSaveFilePicker = async ({suggestedName}) => ({
    createWritable: async () => new WritableStream({
      write: (part) => { saved.push(...part); }, close: () => { globalThis.savedAs = suggestedName; },
    }),
  });
}"""


def add_batch(fake_cloud: FakeCloud, *names: str, failing: int = 0) -> None:
    """Jobs of one batch, of which the last ones fail."""
    usual = fake_cloud.way
    for index, name in enumerate(names):
        fake_cloud.way = FAILING_WAY if index >= len(names) - failing else usual
        fake_cloud.add_finished_job(name, batch="lab-1")
    fake_cloud.way = usual


def test_files_that_are_submitted_together_are_one_entry_with_its_own_progress(
    form: JobPage, fake_cloud: FakeCloud, context: BrowserContext, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.txt" for number in (10, 1, 2)]
    for file in files:
        file.write_bytes(b"content")
    form.send("the text", *files)
    form.page.get_by_role("link", name="Show the batch").click()
    (batch,) = {job.record["batch"] for job in fake_cloud.jobs.values()}
    assert batch
    expect(form.page).to_have_url(f"{form.url}/#/batches/{batch}")
    expect(form.job.get_by_role("heading", name="3 jobs submitted together")).to_be_focused()
    expect(form.rows).to_have_count(1)
    expect(form.rows).to_contain_text("0 of 3 done")
    for job_id in list(fake_cloud.jobs):
        fake_cloud.look_at(fake_cloud.jobs[job_id])
    expect(form.rows).to_contain_text("3 of 3 done")
    form.expect_status("Succeeded")
    expect(form.job.locator(".gantt-rows").get_by_role("listitem")).to_have_count(3)
    for names in (form.job.locator(".rows .name"), form.job.locator(".gantt-rows .name")):
        expect(names).to_have_text(["1.txt", "2.txt", "10.txt"])
    colours = form.job.get_by_role("list", name="Colours")
    expect(colours.get_by_text("Script", exact=True)).to_be_visible()
    expect(colours.get_by_text("Run", exact=True)).to_be_hidden()  # the machines have reported what it is made of
    expect(form.page).to_have_title("3 of 3 done · Mayfly")
    expect(form.job.locator(".apart .hint").first).to_contain_text("· cost at most $0.0057")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    form.job.get_by_role("button", name="Copy link").click()
    expect(form.announcer).to_have_text("Link copied.")
    assert form.page.evaluate("navigator.clipboard.readText()") == f"{form.url}/#/batches/{batch}"
    form.job.locator(".rows").get_by_role("link", name="1.txt").click()
    form.shown_job_id("1.txt")
    expect(form.announcer).to_contain_text("1.txt: Succeeded.")
    expect(form.rows.get_by_role("link")).to_have_attribute("aria-current", "true")
    expect(form.job.get_by_role("link", name="Show its batch")).to_have_attribute("href", f"#/batches/{batch}")
    form.page.keyboard.press("Escape")
    expect(form.job).to_be_hidden()
    expect(form.announcer).to_be_empty()


def test_the_failed_ones_of_a_batch_are_run_again(form: JobPage, fake_cloud: FakeCloud) -> None:
    add_batch(fake_cloud, "a.txt", "b.txt", "c.txt", failing=2)
    early = "2026-01-02T03:04:05.000Z"
    for job in fake_cloud.jobs.values():
        job.change(created_at=early, timeline=tuple(replace(event, at=early) for event in job.job.timeline))
    form.open("#/batches/lab-1")
    expect(form.job.locator(".sentence")).to_have_text("3 of 3 done, 2 failed.")
    form.job.get_by_role("button", name="Re-run failed (2)").click()
    expect(form.job).to_contain_text("2 jobs re-run.")
    assert [job.record["run"] for job in fake_cloud.jobs.values()] == [1, 2, 2]
    for job_id in list(fake_cloud.jobs):
        fake_cloud.look_at(fake_cloud.jobs[job_id])
    expect(form.job.locator(".sentence")).to_have_text("3 of 3 done.")
    bars = form.job.locator(".gantt-bar")
    assert [bar.locator(".phase").first.evaluate("part => part.style.left") for bar in bars.all()] == ["0%"] * 3
    expect(form.job).to_contain_text("Re-runs are drawn from 0; earlier runs of the same job are left out.")


def saved_by_download(form: JobPage) -> bytes:
    with form.page.expect_download() as waiting:
        form.job.get_by_role("button", name="Download all").click()
    assert waiting.value.suggested_filename == "mayfly-lab-1.zip"
    return Path(waiting.value.path()).read_bytes()


def saved_by_picker(form: JobPage) -> bytes:
    form.job.get_by_role("button", name="Download all").click()
    form.page.wait_for_function("() => globalThis.savedAs === 'mayfly-lab-1.zip'")
    return bytes(form.page.evaluate("saved"))


def test_all_results_come_as_one_archive(form: JobPage, fake_cloud: FakeCloud) -> None:
    add_batch(fake_cloud, "a.txt", "A.txt", "ü 📄.txt", ".bashrc", "con.txt", "none.txt", failing=1)
    form.open("#/batches/lab-1")
    for script, save in (
        (WITHOUT_PICKER, saved_by_download),
        (FORBIDDEN, saved_by_download),
        (PICKER, saved_by_picker),
    ):
        form.page.evaluate(script)
        with zipfile.ZipFile(io.BytesIO(save(form))) as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == sorted(["a.txt", "A (2).txt", "ü 📄.txt", "_.bashrc", "_con.txt"])
            assert archive.read("ü 📄.txt") == b"content\na text"
            assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        expect(form.job).to_contain_text("5 results saved in one ZIP file.")


def test_an_archive_that_is_not_saved_says_why(form: JobPage, watch: Watch, fake_cloud: FakeCloud) -> None:
    watch.allow("503")
    add_batch(fake_cloud, "a.txt", "b.txt")
    form.open("#/batches/lab-1")
    download = form.job.get_by_role("button", name="Download all")
    form.page.evaluate(CLOSED)
    download.click()
    expect(form.job).to_contain_text("Nothing was saved: the dialog was closed.")
    form.page.evaluate(WITHOUT_PICKER)
    fake_cloud.failing["GET /api/jobs/{id}/output"] = [503]
    download.click()
    expect(form.job).to_contain_text("The service is not available right now.")
    for job in fake_cloud.jobs.values():
        job.change(output_size=2**30)
    form.page.reload()
    form.page.evaluate(WITHOUT_PICKER)
    download.click()
    expect(form.job).to_contain_text("The results have 2 GiB. This browser can save 1 GiB at a time")


# What is above 4 GiB, without writing so much: the sizes are announced, the stream is short.
LARGE_ENTRY = """async () => {
  const {zip} = await import("/list/zip.js");
  const open = async () => new Blob(["short"]).stream();
  const parts = [];
  const entry = {name: "large.bin", size: 2 ** 32, modified: new Date(2026, 0, 31, 9, 15, 2), open};
  for await (const part of zip([entry])) parts.push(...part);
  return parts;
}"""
FAR_ENTRY = """async () => {
  const {zip} = await import("/list/zip.js");
  let asked = 0;  // first for the checksum, which of nothing is quick
  const far = {get length() { return asked++ ? 5 * 2 ** 30 : 0; }};
  let rest = [];
  const streams = [
    {name: "large.bin", size: 5 * 2 ** 30, reader: [far]},
    {name: "small.txt", size: 5, reader: [new TextEncoder().encode("small")]},
  ];
  const open = (reader) => async () => ({
    getReader: () => ({read: async () => reader.length ? {done: false, value: reader.shift()} : {done: true}}),
  });
  const modified = new Date(2026, 0, 31);
  const entries = streams.map(({name, size, reader}) => ({name, size, modified, open: open(reader)}));
  for await (const part of zip(entries)) if (part !== far) rest.push(...part);
  return rest;
}"""


def test_an_entry_that_may_be_large_has_zip64_sizes_and_what_lies_beyond_four_gibibytes_is_found(
    form: JobPage,
) -> None:
    form.open()
    content = bytes(form.page.evaluate(LARGE_ENTRY))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (entry,) = archive.infolist()
        assert (archive.read(entry), entry.date_time) == (b"short", (2026, 1, 31, 9, 15, 2))
    descriptor = content.index(b"PK\x07\x08")
    assert int.from_bytes(content[descriptor + 8 : descriptor + 16], "little") == 5, "sizes of eight bytes each"
    assert content[descriptor + 24 :].startswith(b"PK\x01\x02")

    # The bytes of the large file are left out, so the directory's offsets are read as they are written.
    content = bytes(form.page.evaluate(FAR_ENTRY))
    end64 = content.index(b"PK\x06\x06")
    count, size, offset = (int.from_bytes(content[end64 + at : end64 + at + 8], "little") for at in (32, 40, 48))
    directory = content.index(b"PK\x01\x02")
    assert (count, size, offset) == (2, end64 - directory, directory + 5 * 2**30)
    locator = content.index(b"PK\x06\x07")
    assert int.from_bytes(content[locator + 8 : locator + 16], "little") == offset + size
    second = content.index(b"PK\x01\x02", directory + 4)
    extra = content[second + 46 + len("small.txt") :][:12]
    start = content.index(b"PK\x03\x04", 4)
    assert extra == b"\x01\x00\x08\x00" + (start + 5 * 2**30).to_bytes(8, "little")
