"""What holds for every view, and the API's documentation. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FAILING_WAY, FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser


def assert_fits(form: JobPage) -> None:
    assert not form.scrolls_sideways()
    assert form.sticking_out() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1920])
def test_nothing_scrolls_sideways_or_leaves_its_card(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    fake_cloud.way, fake_cloud.stop_after = FAILING_WAY, "failed"
    page = form.page
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    file = tmp_path / f"{'long-' * 39}.txt"
    file.write_bytes(b"x")
    form.open()
    assert_fits(form)
    form.fill("w" * 300, file)
    assert_fits(form)
    form.submit_button.click()
    form.expect_status("Failed")
    form.open_log()
    form.job.get_by_text("Details", exact=True).click()
    expect(form.machine_rows).to_have_count(1)
    assert_fits(form)
    fake_cloud.stop_after = None
    form.retry_button.click()
    form.earlier_runs.locator("summary").click()
    expect(form.ending).to_have_text("All machines confirmed terminated")
    assert_fits(form)


def test_the_docs_page_renders_from_its_own_files(page: Page, watch: Watch, fake_cloud: FakeCloud) -> None:
    page.goto(f"{fake_cloud.url}/api/docs")
    page.get_by_text("Create a job").click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    expect(page.locator("#docs")).to_contain_text("input_text")
