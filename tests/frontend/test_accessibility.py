"""What axe-core finds wrong with the page in each of its states: nothing. In a real browser, against the fake cloud."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.frontend.fake_cloud import FAILING_WAY, LOSING_WAY, MACHINE_LOST, REFUSED_WAY, WAY, FakeCloud
from tests.frontend.job_page import JobPage

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
FIND = "async () => (await axe.run()).violations.map(({id, nodes}) => `${id}: ${nodes.map(({html}) => html)}`)"
STATES = {
    "queued": (WAY, 0),
    "refused": (REFUSED_WAY, 2),
    "running": (WAY, 4),
    "ending": (WAY, 7),
    "succeeded": (WAY, 8),
    "failed": (FAILING_WAY, 7),
    "second machine": (LOSING_WAY, 5),
}


def violations(form: JobPage) -> list[str]:
    form.page.evaluate(AXE)
    return form.page.evaluate(FIND)  # type: ignore[no-any-return]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_wrong(
    form: JobPage, fake_cloud: FakeCloud, state: str, scheme: Literal["light", "dark"]
) -> None:
    fake_cloud.way, steps = STATES[state]
    fake_cloud.events_per_look = 0
    job = fake_cloud.add_job(fake_cloud.new_id(), "report.txt", "a text", b"content")
    for event in fake_cloud.way[:steps]:
        job.happen(*event)
    show(form, scheme, job.record["id"])
    assert violations(form) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_a_job_of_two_runs(
    form: JobPage, fake_cloud: FakeCloud, scheme: Literal["light", "dark"]
) -> None:
    fake_cloud.way, fake_cloud.error = FAILING_WAY, MACHINE_LOST
    job_id = fake_cloud.add_finished_job("report.txt")
    fake_cloud.retry(job_id)
    fake_cloud.look_at(job_id)
    show(form, scheme, job_id)
    form.earlier_runs.locator("summary").click()
    assert violations(form) == []


def show(form: JobPage, scheme: Literal["light", "dark"], job_id: str) -> None:
    # The text of a dot that pulses would be measured while it fades.
    form.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    form.open(f"#/jobs/{job_id}")
    expect(form.job.get_by_role("heading", name="report.txt")).to_be_visible()
    expect(form.machine_count).not_to_contain_text("…")
    form.job.get_by_text("Log", exact=True).click()
    form.job.get_by_text("Details", exact=True).click()
