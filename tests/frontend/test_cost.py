"""What a job will cost, and what it has cost. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser


def test_the_price_is_told_before_a_job_and_its_cost_while_it_runs_and_after(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.stop_after = "script_started"
    form.open()
    told = "About $0.00044 a minute of machine, $0.0016 while its processors are busy, at most $0.94 a job."
    expect(form.page.get_by_text(told)).to_be_visible()
    form.submit("the text", document)
    expect(form.job.get_by_text("up to $0.0021 so far")).to_be_visible()
    fake_cloud.stop_after = None
    form.expect_status("Succeeded")
    expect(form.job.get_by_text("cost up to $0.0021")).to_be_visible()
    form.page.goto(form.url)
    expect(form.page.locator("#job-list .took")).to_contain_text("up to $0.0021 · ")
