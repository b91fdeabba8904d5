"""The list of jobs: search, filter, selection and keys. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import HIDE, JobPage
from tests.stack.fake_job import FAILING_WAY

pytestmark = pytest.mark.browser

NOTIFICATIONS = """globalThis.notes = []; let permission = "default";
globalThis.Notification = class extends EventTarget {
  static get permission() { return permission; }
  static async requestPermission() { return (permission = "granted"); }
  constructor(title) { super(); notes.push(title); }
};"""


RING = "getComputedStyle(document.activeElement).outlineStyle"
COUNT_CHANGED_LINKS = """() => {
  globalThis.changedLinks = new Set();
  const original = Element.prototype.removeAttribute;
  Element.prototype.removeAttribute = function (name) {
    if (name === "aria-current") globalThis.changedLinks.add(this);
    return original.call(this, name);
  };
}"""


@pytest.fixture
def search(form: JobPage) -> Locator:
    return form.page.get_by_role("searchbox", name="Search jobs by file name")


def names(form: JobPage) -> Locator:
    return form.rows.locator(".name")


def furnish(fake_cloud: FakeCloud) -> None:
    for name in ("Résumé.pdf", "plate 1.csv", "plate 2.csv"):
        fake_cloud.add_finished_job(name)
    usual, fake_cloud.way = fake_cloud.way, FAILING_WAY
    fake_cloud.add_finished_job("broken plate.csv")
    fake_cloud.way = usual


def test_jobs_are_found_by_words_of_their_names_and_by_status(
    form: JobPage, fake_cloud: FakeCloud, search: Locator
) -> None:
    furnish(fake_cloud)
    form.open()
    expect(form.rows).to_have_count(4)
    search.fill("resume")
    expect(names(form)).to_have_text(["Résumé.pdf"])
    expect(form.page.locator("#jobs-note")).to_have_text("1 job found.")
    search.fill("CSV plate")
    expect(names(form)).to_have_text(["broken plate.csv", "plate 2.csv", "plate 1.csv"])
    form.page.get_by_label("Status").select_option("Failed")
    expect(names(form)).to_have_text(["broken plate.csv"])
    search.fill("nothing like it")
    expect(form.page.locator("#jobs-note")).to_have_text("No job found.")
    search.press("Escape")
    form.page.get_by_label("Status").select_option("All")
    expect(form.rows).to_have_count(4)


def test_a_search_goes_through_earlier_jobs_and_scrolling_leaves_the_rows_above_alone(
    form: JobPage, fake_cloud: FakeCloud, search: Locator
) -> None:
    """Else each step would take the longer the further one has scrolled."""
    for number in range(55):
        fake_cloud.add_finished_job(f"file {number}.txt")
    form.open()
    expect(form.rows).to_have_count(25)
    search.fill("file 3")
    expect(form.rows).to_have_count(15)
    assert fake_cloud.calls.count("GET /api/jobs") == 2
    search.fill("file")
    expect(form.page.locator("#jobs-note")).to_have_text("55 jobs found.")
    expect(form.rows).to_have_count(40)
    form.page.evaluate(COUNT_CHANGED_LINKS)
    form.page.locator("#job-list").evaluate("list => { list.scrollTop = list.scrollHeight; }")
    expect(form.rows).to_have_count(55)
    assert form.page.evaluate("changedLinks.size") == 15


def test_the_list_is_walked_and_searched_by_keys(form: JobPage, fake_cloud: FakeCloud, search: Locator) -> None:
    furnish(fake_cloud)
    form.open()
    expect(form.rows).to_have_count(4)
    form.page.keyboard.press("j")
    form.page.keyboard.press("j")
    form.page.keyboard.press("k")
    form.page.keyboard.press("j")
    expect(form.rows.nth(1).get_by_role("link")).to_be_focused()
    form.page.keyboard.press("Enter")
    form.shown_job_id("plate 2.csv")
    expect(form.rows.nth(1).get_by_role("link")).to_have_attribute("aria-current", "true")
    expect(form.job.get_by_role("heading", name="plate 2.csv")).to_be_focused()
    assert form.page.evaluate(RING) == "solid"
    form.rows.first.get_by_role("link").click()
    expect(form.job.get_by_role("heading", level=1)).to_be_focused()
    assert form.page.evaluate(RING) == "none"
    form.rows.nth(1).get_by_role("link").click()
    form.shown_job_id("plate 2.csv")
    form.page.get_by_role("button", name="Select", exact=True).click()
    form.rows.get_by_role("checkbox").first.check()
    form.page.keyboard.press("Escape")
    expect(form.rows.get_by_role("checkbox")).to_have_count(0)
    expect(form.job).to_be_visible()
    form.page.keyboard.press("/")
    expect(search).to_be_focused()
    form.page.keyboard.type("njk?")
    expect(search).to_have_value("njk?")
    search.fill("")
    search.press("Enter")
    expect(form.rows.first.get_by_role("link")).to_be_focused()
    form.page.keyboard.press("?")
    dialog = form.page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("Search jobs")
    dialog.get_by_role("heading").click()  # which leaves the focus on the page behind it
    form.page.keyboard.press("/")
    expect(search).not_to_be_focused()
    form.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    form.page.get_by_role("button", name="Keyboard").click()
    expect(dialog).to_contain_text("Close the job")
    dialog.get_by_role("button", name="Close").click()
    search.press("Escape")  # which belongs to the field
    expect(form.job).to_be_visible()
    search.blur()
    form.page.keyboard.press("Escape")
    expect(form.job).to_be_hidden()
    expect(form.rows.nth(1).get_by_role("link")).to_be_focused()
    form.page.keyboard.press("n")
    expect(form.text).to_be_focused()


def test_selected_jobs_are_deleted_once_that_is_confirmed_and_what_is_refused_is_told(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud
) -> None:
    watch.allow("503|404")
    furnish(fake_cloud)
    form.open()
    form.page.get_by_role("button", name="Select", exact=True).click()
    bulk, dialog = form.page.locator("#bulk"), form.page.get_by_role("dialog")
    for name, count in (("Select all", 4), ("Select none", 0), ("Select all", 4)):
        bulk.get_by_role("button", name=name).click()
        expect(bulk).to_contain_text(f"{count} jobs selected")
    form.page.get_by_label("Select Résumé.pdf", exact=True).uncheck()
    expect(bulk.get_by_role("button", name="Select all")).to_be_visible()
    expect(bulk).to_contain_text("3 jobs selected")
    form.page.get_by_role("button", name="Delete 3…").click()
    dialog.get_by_role("button", name="Keep them").click()
    assert len(fake_cloud.jobs) == 4
    fake_cloud.failing["DELETE /api/jobs/{id}"] = [503, 404]  # which another tab has deleted
    form.page.get_by_role("button", name="Delete 3…").click()
    dialog.get_by_role("button", name="Delete 3 jobs").click()
    expect(bulk).to_contain_text("2 jobs deleted. 1 job not deleted:")
    expect(form.rows).to_have_count(2)
    form.page.get_by_role("button", name="Delete 1…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(names(form)).to_have_text(["Résumé.pdf"])
    expect(bulk).to_contain_text("1 job deleted.")


def test_a_hidden_tab_learns_that_a_job_has_ended_and_says_so_in_its_title(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    form.page.add_init_script(NOTIFICATIONS)
    fake_cloud.stop_after = "script_started"
    form.page.clock.install()
    form.submit("the text", document)
    form.expect_status("Running")
    assert form.page.evaluate("Notification.permission") == "default", "nothing is asked without a click"
    form.page.get_by_role("button", name="Notify me when jobs end").click()
    expect(form.page.get_by_role("button", name="Notifications are on.")).to_be_visible()
    form.page.evaluate(HIDE, True)
    fake_cloud.stop_after = None
    title = f"● Succeeded: {document.name} · Mayfly"
    form.after("00:31", lambda ms: expect(form.page).to_have_title(title, timeout=ms))
    assert form.page.evaluate("notes") == [f"{document.name}: Succeeded"]
    form.page.evaluate(HIDE, False)
    expect(form.page).to_have_title(f"Succeeded · {document.name} · Mayfly")
