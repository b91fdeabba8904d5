"""What axe-core finds wrong with the page in each of its states: nothing. In a real browser, against the fake cloud."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from playwright.sync_api import expect

from functions.api.app import create_app
from functions.api.caller import Auth
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.frontend.test_batch import add_batch
from tests.stack.fake_job import FAILING_WAY, LOSING_WAY, REFUSED_WAY, WAY
from tests.stack.memory_stack import MACHINE_LOST

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
FIND = """async ([within, rules]) => {
  const {violations} = await axe.run(document.querySelector(within), rules ? {runOnly: rules} : {});
  return violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html)}`);
}"""
STATES = {
    "queued": (WAY, 0),
    "refused": (REFUSED_WAY, 2),
    "running": (WAY, 4),
    "ending": (WAY, 7),
    "succeeded": (WAY, 8),
    "failed": (FAILING_WAY, 7),
    "second machine": (LOSING_WAY, 5),
}


def violations(form: JobPage, within: str = "html", rules: list[str] | None = None) -> list[str]:
    """Of all rules, or of these, in what the selector finds."""
    if not form.page.evaluate("'axe' in globalThis"):
        form.page.evaluate(AXE)
    return form.page.evaluate(FIND, [within, rules])  # type: ignore[no-any-return]


def assert_fine(form: JobPage, within: str = "html") -> None:
    """In light and, as far as colours go, in the dark."""
    # The text of a dot that pulses would be measured while it fades.
    form.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(form, within, ["color-contrast"]) == []
    form.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert violations(form, within) == []


def test_axe_finds_nothing_wrong_with_a_job_in_each_of_its_states(form: JobPage, fake_cloud: FakeCloud) -> None:
    fake_cloud.events_per_look = 0
    for state, (way, steps) in STATES.items():
        job = fake_cloud.add_job(f"{state}.txt", "a text", b"content")
        for event in way[:steps]:
            job.happen(*event)
        show(form, job.record)
        assert_fine(form, "#job")
    fake_cloud.way, fake_cloud.error = FAILING_WAY, MACHINE_LOST
    job = fake_cloud.jobs[fake_cloud.add_finished_job("two runs.txt")]
    job.happen("retried")
    job.finish()
    show(form, job.record)
    form.unfold("steps")
    form.earlier_runs.locator("summary").click()
    assert_fine(form)  # with a row of the list for each state


def test_axe_finds_nothing_wrong_with_uploads_and_dialogs_and_all_of_it_fits_a_phone(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    fake_cloud.upload_in_parts(10, 1_000_000)
    fake_cloud.configure(max_upload_bytes=30)
    fake_cloud.uploads_may_end.clear()
    small, large, wrong = (tmp_path / f"{'long-' * 30}{size}.txt" for size in (5, 20, 40))
    for file, size in ((small, 5), (large, 20), (wrong, 40)):
        file.write_bytes(bytes(size))
    form.page.set_viewport_size({"width": 320, "height": 640})
    show(form, fake_cloud.jobs[fake_cloud.add_finished_job("report.txt")].record)
    form.send("w" * 300, small, large)
    expect(form.file_rows.last).to_contain_text("100 %")
    assert_fine(form, "#new-job")
    form.expect_to_fit()
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    expect(form.page.get_by_role("region", name="Interrupted upload")).to_be_visible()
    expect(form.job.get_by_role("region", name="Beginning of the result")).to_be_visible()
    form.file.set_input_files([small, wrong])
    expect(form.field_error("file")).to_contain_text("The limit is")
    assert_fine(form)
    form.expect_to_fit()
    for button in ("Edit and run…", "Delete…"):
        form.job.get_by_role("button", name=button).click()
        expect(form.page.get_by_role("dialog")).to_be_visible()
        assert_fine(form, "dialog")
        form.expect_to_fit()
        form.page.keyboard.press("Escape")


def test_axe_finds_nothing_wrong_with_a_batch_a_selection_and_the_keys(form: JobPage, fake_cloud: FakeCloud) -> None:
    add_batch(fake_cloud, "a.txt", f"{'long-' * 30}.txt", "c.txt", failing=1)
    form.open("#/batches/lab-1")
    expect(form.job.locator(".gantt-rows").get_by_role("listitem")).to_have_count(3)
    form.page.get_by_role("button", name="Select", exact=True).click()
    form.page.get_by_role("button", name="Select all").click()
    expect(form.page.locator("#bulk")).to_contain_text("3 jobs selected")
    assert_fine(form)
    form.expect_to_fit_each(320, 768, 1280)
    form.page.get_by_role("searchbox", name="Search jobs by file name").fill("nothing")
    expect(form.rows).to_have_count(0)
    assert_fine(form)
    form.page.get_by_role("button", name="Select all").press("?")
    expect(form.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert_fine(form, "dialog")


def show(form: JobPage, job: dict[str, Any]) -> None:
    form.page.emulate_media(reduced_motion="reduce")
    form.open(f"#/jobs/{job['id']}")
    expect(form.job.get_by_role("heading", name=job["filename"])).to_be_visible()
    expect(form.machine_count).not_to_contain_text("…")
    form.open_log()
    form.unfold("more")


def test_axe_finds_nothing_wrong_with_the_apis_documentation(form: JobPage, fake_cloud: FakeCloud) -> None:
    """The real description, of some operations; Swagger UI has no dark side."""
    description = create_app(Mock(), Auth.COGNITO).openapi()
    shown = ("/uploads/{job_id}/parts", "/jobs", "/health")
    description["paths"] = {path: description["paths"][path] for path in shown}
    form.page.route("**/api/openapi.json", lambda route: route.fulfill(json=description))
    form.page.goto(f"{fake_cloud.url}/api/docs")
    form.page.get_by_role("button", name="/uploads", exact=False).first.click()
    expect(form.page.get_by_text("Try it out")).to_be_visible()
    assert violations(form) == []
