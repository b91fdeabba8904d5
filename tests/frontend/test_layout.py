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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1920])
def test_nothing_scrolls_sideways(
    form: JobPage, fake_cloud: FakeCloud, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    fake_cloud.way = FAILING_WAY
    page = form.page
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    file = tmp_path / f"{'long-' * 39}.txt"
    file.write_bytes(b"x")
    form.open()
    assert not form.scrolls_sideways()
    form.fill("w" * 300, file)
    assert not form.scrolls_sideways()
    form.submit_button.click()
    form.expect_status("Failed")
    form.job.get_by_text("Log", exact=True).click()
    form.job.get_by_text("Details", exact=True).click()
    assert not form.scrolls_sideways()


def test_the_docs_page_renders_from_its_own_files(page: Page, watch: Watch, fake_cloud: FakeCloud) -> None:
    page.goto(f"{fake_cloud.url}/api/docs")
    page.get_by_text("Create a job").click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    expect(page.locator("#docs")).to_contain_text("input_text")
