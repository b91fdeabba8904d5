"""What holds for every view, and the API's documentation. In a real browser, against the fake cloud."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import FAILING_WAY

pytestmark = pytest.mark.browser

WIDTHS = (320, 768, 1920)


def test_nothing_scrolls_sideways_or_leaves_its_card(form: JobPage, fake_cloud: FakeCloud, tmp_path: Path) -> None:
    fake_cloud.way, fake_cloud.stop_after = FAILING_WAY, "failed"
    file = tmp_path / f"{'long-' * 39}.txt"
    file.write_bytes(b"x")
    form.open()
    form.expect_to_fit_each(*WIDTHS)
    form.fill("w" * 300, file)
    form.expect_to_fit_each(*WIDTHS)
    form.submit_button.click()
    form.expect_status("Failed")
    form.open_log()
    form.unfold("more")
    expect(form.machine_rows).to_have_count(1)
    form.expect_to_fit_each(*WIDTHS)
    fake_cloud.stop_after = None
    form.retry_button.click()
    form.unfold("steps")
    form.earlier_runs.locator("summary").click()
    expect(form.ending).to_have_text("All machines confirmed terminated")
    form.expect_to_fit_each(*WIDTHS)


def test_on_a_phone_the_open_job_comes_before_the_form_and_shows_the_text_it_was_given(
    form: JobPage, fake_cloud: FakeCloud
) -> None:
    form.page.set_viewport_size({"width": 390, "height": 800})
    form.open(f"#/jobs/{fake_cloud.add_finished_job('report.txt')}")
    expect(form.job.get_by_role("region", name="Text of this job")).to_have_text("a text")
    expect(form.text).to_be_visible()
    tops = "() => ['job', 'new-job'].map((id) => document.getElementById(id).getBoundingClientRect().top)"
    job, new_job = form.page.evaluate(tops)
    assert job < new_job
    assert job < 100, "most of the screen is the job's, not the header's"


def test_a_number_and_its_unit_are_never_on_two_lines(form: JobPage) -> None:
    form.open()
    texts = """async () => {
      const [{sizeText}, {durationText, tickingText}] = await Promise.all([import("/size.js"), import("/time.js")]);
      const durations = [0, 400, 42_000, 185_000, 3_840_000];
      return [...[1, 25, 5_000, 5e6, 5e9].map(sizeText), ...durations.map(durationText), ...durations.map(tickingText)];
    }"""
    for text in form.page.evaluate(texts):
        assert re.search(r"\d[^\S\xa0]+[a-zA-Z%]", text) is None, text
