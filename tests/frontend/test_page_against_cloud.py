"""The page in a real browser against the whole local cloud: nothing between the form and the machine is a stand-in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Page, expect

from localcloud.cloud import LocalCloud
from localcloud.job_client import JobClient
from tests.frontend.conftest import Watch
from tests.frontend.job_page import OUTCOME_WITHIN_MS, JobPage, submit_by_keyboard

pytestmark = [pytest.mark.cloud, pytest.mark.browser]

COLLECT_FIGURES = """() => {
  const rows = document.querySelector("#file-list");
  globalThis.seen = [];
  const changes = {childList: true, subtree: true, characterData: true};
  new MutationObserver(() => seen.push(rows.textContent)).observe(rows, changes);
}"""

# Until the page is left. Playwright's own way, to route requests, copies every body.
HOLD_ALL_BUT_TWO_PARTS = """() => {
  const {open, send} = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url) {
    this.isHeld = /partNumber=[3-9]/.test(url);
    open.call(this, method, url);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (!this.isHeld) send.call(this, body);
  };
}"""


@pytest.fixture
def site_url(cloud: LocalCloud) -> str:
    return cloud.url


def sign_in(form: JobPage, cloud: LocalCloud, name: str) -> None:
    """Walks over the managed login pages."""
    form.sign_in_button.click()
    form.page.wait_for_url(f"{cloud.aws_endpoint}/**")
    user = cloud.users[name]
    form.page.get_by_label("Username").fill(user["username"])
    form.page.get_by_label("Password").fill(user["password"])
    form.page.get_by_role("button", name="Sign in").click()
    expect(form.page.locator("#account")).to_contain_text(user["username"])


@pytest.fixture
def form(form: JobPage, watch: Watch, cloud: LocalCloud) -> JobPage:
    """The page of alice, who has signed in."""
    watch.allow("404.*/favicon.ico")  # the emulated sign-in pages have none
    form.page.goto(form.url)
    sign_in(form, cloud, "alice")
    return form


def test_who_signs_out_leaves_nothing_and_the_next_one_finds_nothing(
    form: JobPage, watch: Watch, cloud: LocalCloud, document: Path
) -> None:
    watch.allow("404.*/api/jobs/")
    job_id = form.submit("the text", document)
    form.expect_status("Succeeded")
    assert form.download() == document.read_bytes() + b"\nthe text"
    form.sign_out_button.click()
    expect(form.sign_in_button).to_be_visible()
    expect(form.page.locator("body")).not_to_contain_text(document.name)
    form.page.goto(f"{form.url}/#/jobs/{job_id}")
    sign_in(form, cloud, "bob")
    expect(form.job).to_contain_text("There is no job")
    expect(form.page.locator("#jobs-note")).not_to_contain_text("Loading…")
    expect(form.page.locator("body")).not_to_contain_text(document.name)


def test_a_job_goes_its_whole_way(form: JobPage, document: Path) -> None:
    form.open()
    form.submit("the text 🦋", document)
    form.expect_status("Succeeded")
    for event in ("Job accepted", "Machine launched", "Machine at work", "Script finished", "Result stored"):
        form.expect_event(event)
    assert form.download() == document.read_bytes() + "\nthe text 🦋".encode()
    form.expect_event("Machine confirmed terminated")
    expect(form.ending).to_have_text("Machine confirmed terminated")
    expect(form.receipt.get_by_text("Confirmed terminated", exact=True)).to_be_visible()
    expect(form.machine_count).to_have_text("Machines alive now: 0", timeout=OUTCOME_WITHIN_MS)


@contextmanager
def slow_machines(cloud: LocalCloud) -> Iterator[None]:
    """Machines take a minute until they are online."""

    httpx.put(f"{cloud.url}/_local/faults", json={"agent_delay_s": 60}).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(f"{cloud.url}/_local/faults").raise_for_status()


def test_a_cancelled_job_is_tried_again(form: JobPage, cloud: LocalCloud, document: Path) -> None:
    form.open()
    with slow_machines(cloud):
        form.submit("the text", document)
        form.expect_event("Machine launched")
        form.job.get_by_role("button", name="Cancel job").click()
        form.expect_status("Cancelled")
    form.retry_button.click()
    form.expect_status("Succeeded")
    assert form.download() == document.read_bytes() + b"\nthe text"
    expect(form.ending).to_have_text("All machines confirmed terminated", timeout=OUTCOME_WITHIN_MS)
    expect(form.earlier_runs).to_have_count(1)


def test_upload_progress_is_shown(form: JobPage, tmp_path: Path) -> None:
    file = tmp_path / "twenty megabytes.bin"
    with file.open("wb") as sparse:
        sparse.truncate(20_000_000)
    form.open()
    form.page.evaluate(COLLECT_FIGURES)
    form.submit("the text", file)
    assert [figure for figure in form.page.evaluate("seen") if "of 20 MB" in figure]
    form.expect_status("Succeeded")


def test_a_large_upload_goes_on_after_a_reload_with_the_missing_parts(
    form: JobPage, watch: Watch, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(150_000_000))
    part = re.compile(r"[?&]partNumber=(\d+)")

    def parts_sent() -> list[str]:
        return sorted(part.findall(line)[0] for line in watch.requests if re.match("sent +PUT", line))

    form.open()
    form.page.evaluate(HOLD_ALL_BUT_TWO_PARTS)
    form.fill("the text", file)
    with (
        form.page.expect_response(lambda answer: "partNumber=1&" in answer.url, timeout=OUTCOME_WITHIN_MS),
        form.page.expect_response(lambda answer: "partNumber=2&" in answer.url, timeout=OUTCOME_WITHIN_MS),
    ):
        form.submit_button.click()
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    expect(form.page.get_by_role("region", name="An upload was cut off")).to_contain_text("large.bin")
    watch.requests.clear()
    form.page.get_by_label("Choose the file again").set_input_files(file)
    form.shown_job_id(file.name)
    assert parts_sent() == ["3", "4", "5"]
    form.expect_status("Succeeded")
    assert form.download() == file.read_bytes() + b"\nthe text"


def test_a_form_without_a_file_says_so_and_keeps_the_text(form: JobPage) -> None:
    form.open()
    form.text.fill("the text")
    form.submit_button.click()
    expect(form.field_error("file")).to_have_text("Choose a file.")
    expect(form.file).to_be_focused()
    expect(form.text).to_have_value("the text")


def test_an_empty_text_says_so_and_keeps_the_file(form: JobPage, document: Path) -> None:
    form.open()
    form.file.set_input_files(document)
    form.submit_button.click()
    expect(form.field_error("text")).to_have_text("Type a text for the script.")
    expect(form.text).to_be_focused()
    expect(form.file_rows).to_contain_text(document.name)


def test_a_file_over_the_limit_is_refused_before_it_is_uploaded(
    form: JobPage, watch: Watch, client: JobClient, tmp_path: Path
) -> None:
    most = client._http.get("/api/limits").json()["max_upload_bytes"]
    file = tmp_path / "too large.bin"
    with file.open("wb") as sparse:
        sparse.truncate(most + 1)
    form.open()
    expect(form.page.locator("#file-hint")).to_contain_text("Up to")
    form.fill("the text", file)
    form.submit_button.click()
    expect(form.field_error("file")).to_contain_text("The limit is")
    assert not [line for line in watch.requests if "POST" in line and "/api/" in line]


def test_a_reload_in_the_middle_goes_on_with_the_job(form: JobPage, document: Path) -> None:
    form.open()
    job_id = form.submit("the text", document)
    form.page.reload()
    assert form.shown_job_id(document.name) == job_id
    form.expect_status("Succeeded")


def test_the_log_of_a_job_can_be_read(form: JobPage, document: Path) -> None:
    form.open()
    form.submit("the text", document)
    form.expect_status("Succeeded")
    form.open_log()
    expect(form.job.locator("details.log .hint")).not_to_contain_text("server", timeout=OUTCOME_WITHIN_MS)


def test_earlier_jobs_are_listed_and_can_be_opened(form: JobPage, tmp_path: Path) -> None:
    ids = {}
    for name in ("an earlier one.txt", "a later one.txt"):
        (tmp_path / name).write_bytes(b"content")
        form.open()
        ids[name] = form.submit("the text", tmp_path / name)
        form.expect_status("Succeeded")
    form.open()
    form.rows.filter(has_text="an earlier one.txt").first.get_by_role("link").click()
    assert form.shown_job_id("an earlier one.txt") == ids["an earlier one.txt"]
    form.expect_status("Succeeded")
    assert form.download() == b"content\nthe text"
    preview = form.job.get_by_role("region", name="Beginning of the result")
    expect(preview).to_have_text("content\nthe text", use_inner_text=False)
    form.job.get_by_role("button", name="Run again…").click()
    form.page.get_by_label("Text of the new job").fill("another text")
    form.page.get_by_role("dialog").get_by_role("button", name="Run job").click()
    form.page.wait_for_function("id => !location.hash.endsWith(id)", arg=ids["an earlier one.txt"])
    form.expect_status("Succeeded")
    expect(preview).to_have_text("content\nanother text", use_inner_text=False)
    again = form.shown_job_id("an earlier one.txt")
    form.expect_event("Machine confirmed terminated")  # until then the page asks for the job, deleted or not
    form.job.get_by_role("button", name="Delete…").click()
    form.page.get_by_role("button", name="Delete job").click()
    expect(form.announcer).to_have_text("an earlier one.txt is deleted.")
    expect(form.rows.locator(f"a[href$='{again}']")).to_have_count(0)


def test_the_keyboard_alone_is_enough(form: JobPage, document: Path) -> None:
    form.open()
    submit_by_keyboard(form, document)
    form.expect_status("Succeeded")


def test_nothing_scrolls_sideways_on_a_narrow_screen(form: JobPage, page: Page, document: Path) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    form.open()
    assert not form.scrolls_sideways()
    form.submit("w" * 300, document)
    form.expect_status("Succeeded")
    form.job.get_by_text("Details", exact=True).click()
    assert not form.scrolls_sideways()


def test_the_docs_page_renders_without_any_other_host(page: Page, watch: Watch, site_url: str) -> None:
    page.goto(f"{site_url}/api/docs")
    expect(page.locator("#docs .opblock").first).to_be_visible(timeout=30_000)
    origins = {line.split()[-1].split("/")[2] for line in watch.requests if "data:" not in line}
    assert origins == {site_url.removeprefix("http://")}


def test_who_is_signed_in_can_try_the_api_on_its_docs_page(form: JobPage) -> None:
    page = form.page
    page.get_by_role("link", name="API documentation").click()
    operation = page.locator("#docs .opblock").filter(has_text="/limits")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/api/limits") as waiting:
        operation.get_by_role("button", name="Execute").click()
    assert waiting.value.status == 200
