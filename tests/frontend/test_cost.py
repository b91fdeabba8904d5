"""What a job will cost, and what it has cost. In a real browser, against the fake cloud."""

from __future__ import annotations

import re
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
    price = "About $0.00044 per minute ($0.0016 with busy processors)."
    bounds = "One minute is the minimum; a job costs at most $0.55."
    expect(form.page.get_by_text(f"{price} {bounds}")).to_be_visible()
    form.submit("the text", document)
    expect(form.job.get_by_text(re.compile(r"up to \$0\.00\d\d so far"))).to_be_visible()
    fake_cloud.stop_after = None
    form.expect_status("Succeeded")
    expect(form.job.get_by_text(re.compile(r"cost at most \$0\.00\d\d"))).to_be_visible()
    form.unfold("more")
    expect(form.job).to_contain_text(
        re.compile(r"Between \$0\.000?\d\d and \$0\.00\d\d\. The machine's type is billed more")
    )
    form.page.goto(form.url)
    expect(form.page.locator("#job-list .took")).to_contain_text(re.compile(r"at most \$0\.00\d\d · "))
