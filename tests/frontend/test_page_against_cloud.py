"""The page in a real browser against the whole local cloud: nothing between the form and the machine is a stand-in.

Only what needs one: what the page does by itself is looked at against the fake cloud.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from localcloud.cloud import LocalCloud
from tests.frontend.conftest import Watch
from tests.frontend.job_page import OUTCOME_WITHIN_MS, JobPage

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
    this.isHeld = /partNumber=([3-9]|1[0-9])/.test(url);
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


def test_a_job_goes_its_whole_way_and_who_signs_out_leaves_nothing_to_the_next_one(
    form: JobPage, watch: Watch, cloud: LocalCloud, document: Path
) -> None:
    watch.allow("404.*/api/jobs/")  # of a deleted job the record goes first, and the page may ask while its files go
    document.write_bytes(b"content")
    job_id = form.submit("the text 🦋", document)
    form.expect_status("Succeeded")
    for event in ("Job accepted", "Machine launched", "Machine ready", "Script ended", "Result stored"):
        form.expect_event(event)
    assert form.download() == "content\nthe text 🦋".encode()
    form.expect_event("Machine confirmed terminated")
    expect(form.ending).to_have_text("Machine confirmed terminated")
    expect(form.receipt.get_by_text("Confirmed terminated", exact=True)).to_be_visible()
    expect(form.machine_count).to_have_text("Machines alive now: 0", timeout=OUTCOME_WITHIN_MS)
    form.open_log()
    expect(form.job.locator("details.log > .hint")).not_to_contain_text("server", timeout=OUTCOME_WITHIN_MS)
    form.job.get_by_role("button", name="Edit and run…").click()
    form.page.get_by_role("dialog").get_by_label("Text").fill("another text")
    form.page.get_by_role("dialog").get_by_role("button", name="Run job").click()
    form.page.wait_for_function("id => !location.hash.endsWith(id)", arg=job_id)
    form.expect_status("Succeeded")
    preview = form.job.get_by_role("region", name="Beginning of the result")
    expect(preview).to_contain_text("another text")
    again = form.shown_job_id(document.name)
    form.expect_event("Machine confirmed terminated")  # until then the page asks for the job, deleted or not
    form.job.get_by_role("button", name="Delete…").click()
    form.page.get_by_role("button", name="Delete job").click()
    expect(form.announcer).to_have_text(f"{document.name} is deleted.")
    expect(form.rows.locator(f"a[href$='{again}']")).to_have_count(0)
    form.open()
    form.rows.locator(f"a[href$='{job_id}']").click()
    form.expect_status("Succeeded")
    expect(preview).to_have_text("content\nthe text 🦋", use_inner_text=False)
    with form.page.expect_event("load"):  # back from the pool's own sign-out
        form.sign_out_button.click()
    expect(form.sign_in_button).to_be_visible()
    expect(form.page.locator("body")).not_to_contain_text(document.name)
    form.page.goto(f"{form.url}/#/jobs/{job_id}")
    sign_in(form, cloud, "bob")
    expect(form.job).to_contain_text("There is no job")
    expect(form.page.locator("#jobs-note")).not_to_contain_text("Loading…")
    expect(form.page.locator("body")).not_to_contain_text(document.name)


def with_small_files_in_parts(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"multipart_from_bytes": 1})


def test_an_upload_in_parts_goes_on_after_a_reload_with_the_missing_ones(
    form: JobPage, watch: Watch, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(30_000_000))
    part = re.compile(r"[?&]partNumber=(\d+)")

    def parts_sent() -> list[str]:
        return sorted(part.findall(line)[0] for line in watch.requests if re.match("sent +PUT", line))

    form.page.route("**/api/limits", with_small_files_in_parts)
    with form.page.expect_response("**/api/limits"):
        form.page.reload()
    form.page.unroute("**/api/limits")
    form.page.evaluate(COLLECT_FIGURES)
    form.page.evaluate(HOLD_ALL_BUT_TWO_PARTS)
    form.fill("the text", file)
    expect(form.page.locator("#kept-note")).to_contain_text("Kept if you reload")
    with (
        form.page.expect_response(lambda answer: "partNumber=1&" in answer.url, timeout=OUTCOME_WITHIN_MS),
        form.page.expect_response(lambda answer: "partNumber=2&" in answer.url, timeout=OUTCOME_WITHIN_MS),
    ):
        form.submit_button.click()
    assert [figure for figure in form.page.evaluate("seen") if "of 29\xa0MiB" in figure]
    form.page.on("dialog", lambda dialog: dialog.accept())
    watch.requests.clear()
    form.page.reload()
    form.shown_job_id(file.name)
    assert sorted(map(int, parts_sent())) == [3, 4]  # of 8 MiB, the last one shorter
    form.expect_status("Succeeded")
    assert form.download() == file.read_bytes() + b"\nthe text"


def test_who_is_signed_in_can_try_the_api_on_its_docs_page(form: JobPage) -> None:
    page = form.page
    page.get_by_role("link", name="API documentation").click()
    operation = page.locator("#docs .opblock").filter(has_text="/limits")
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/api/limits") as waiting:
        operation.get_by_role("button", name="Execute").click()
    assert waiting.value.status == 200
