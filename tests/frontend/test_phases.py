"""A job's phases as a bar, how long they usually take, and its log. In a real browser, against the fake cloud."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.frontend.take_screenshots import age
from tests.stack.fake_job import FAILING_WAY, LOSING_WAY, REFUSED_WAY, TERMINATED, WAY

pytestmark = pytest.mark.browser


@pytest.fixture
def log(form: JobPage) -> Locator:
    return form.job.get_by_role("region", name="Log")


def add_job(
    fake_cloud: FakeCloud, way: tuple[tuple[str, str], ...], steps: int | None = None, name: str = "report.txt"
) -> str:
    """The id of a job that has gone so many steps of a way, at the pace of a real one."""
    job = fake_cloud.add_job(name)
    for event in way[:steps]:
        job.happen(*event)
    job.to_come = []
    age(job, timedelta(minutes=5))
    return job.id


def test_a_job_is_shown_as_phases_with_their_durations(form: JobPage, fake_cloud: FakeCloud) -> None:
    form.open(f"#/jobs/{add_job(fake_cloud, WAY)}")
    phases = ["Wait 1.4 s", "Boot 31 s", "Fetch 1.4 s", "Script 13 s", "Store 1.3 s", "Shutdown 44 s"]
    expect(form.phases.get_by_role("listitem")).to_have_text(phases)
    expect(form.job.locator(".phase-bar .phase")).to_have_count(6)
    expect(form.rows.first.locator(".phase")).to_have_count(6)
    expect(form.timeline).to_be_hidden()
    expect(form.job.get_by_text("confirmed terminated").locator("visible=true")).to_have_count(1)
    form.unfold("steps")
    expect(form.timeline).to_be_visible()


WAYS = {
    "waiting": (REFUSED_WAY, 2, ["Wait"]),
    "booting": (WAY, 1, ["Wait", "Boot"]),
    "running without a report": (WAY, 2, ["Wait", "Boot", "Run"]),
    "running": (WAY, 4, ["Wait", "Boot", "Fetch", "Script"]),
    "failed": (FAILING_WAY, None, ["Wait", "Boot", "Fetch", "Script", "Store", "Shutdown"]),
    "lost": (LOSING_WAY, 5, ["Wait", "Boot", "Run", "Wait", "Boot"]),
    "cancelled while it ran": ((*WAY[:2], ("cancelled", ""), TERMINATED), None, ["Wait", "Boot", "Run", "Shutdown"]),
    "cancelled while it waited": ((("cancelled", ""),), None, ["Wait"]),
}


def test_the_phases_follow_what_happened(form: JobPage, fake_cloud: FakeCloud) -> None:
    fake_cloud.events_per_look = 0
    for name, (way, steps, phases) in WAYS.items():
        form.open(f"#/jobs/{add_job(fake_cloud, way, steps, name)}")
        form.shown_job_id(name)
        expect(form.phases.locator(".what"), name).to_have_text(phases)


def test_a_running_job_says_how_long_its_phase_usually_takes_here_once_that_is_known(
    form: JobPage, fake_cloud: FakeCloud
) -> None:
    fake_cloud.events_per_look = 0
    form.open(f"#/jobs/{add_job(fake_cloud, WAY, 1)}")
    expect(form.phases.locator(".what").last).to_have_text("Boot")
    expect(form.job.locator(".usual")).to_be_hidden()
    for way in (WAY, WAY, WAY, FAILING_WAY):
        add_job(fake_cloud, way)
    for steps, usual in ((1, "Boot usually takes 31 s here."), (2, "Run usually takes 15 s here.")):
        form.page.goto("about:blank")  # what was usual when the page was loaded stays
        form.open(f"#/jobs/{add_job(fake_cloud, WAY, steps)}")
        expect(form.job).to_contain_text(usual)


def test_a_link_leads_to_a_line_of_a_log_that_is_searched_timed_wrapped_and_saved(
    form: JobPage, fake_cloud: FakeCloud, log: Locator
) -> None:
    job_id = add_job(fake_cloud, WAY)
    fake_cloud.jobs[job_id].log.clear()
    fake_cloud.jobs[job_id].print(*(f"row {number} of 300" for number in range(1, 301)))
    form.open(f"#/jobs/{job_id}?line=150")
    expect(log.locator(".linked")).to_have_text("row 150 of 300")
    expect(log.locator(".linked")).to_be_in_viewport()
    search, state = (
        form.job.get_by_role("searchbox", name="Search the log"),
        form.job.locator(".log-tools [role=status]"),
    )
    expect(search).to_be_visible()  # with what links lines
    log.locator(".line", has_text="row 152 ").click(position={"x": 20, "y": 5})
    expect(log.locator(".linked")).to_have_text("row 152 of 300")
    expect(form.page).to_have_url(f"{form.url}/#/jobs/{job_id}?line=152")
    expect(state).to_contain_text("link to the line")
    search.fill("ROW 27")
    expect(log.locator(".hit")).to_have_count(11)
    expect(state).to_have_text("1 of 11 lines")
    search.press("Enter")
    expect(log.locator(".linked")).to_have_text("row 270 of 300")
    expect(log.locator(".linked")).to_be_in_viewport()
    expect(form.page).to_have_url(f"{form.url}/#/jobs/{job_id}?line=270")
    form.job.get_by_role("button", name="Wrap").click()
    expect(log).to_have_css("white-space-collapse", "preserve")
    expect(log).to_have_css("text-wrap-mode", "nowrap")
    form.job.get_by_role("button", name="Times").click()
    expect(log.locator(".line").first).to_have_attribute("data-at", fake_cloud.jobs[job_id].log[0].at[11:19])
    with form.page.expect_download() as waiting:
        form.job.locator(".log-tools").get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == f"{fake_cloud.jobs[job_id].record['filename']}.log"
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines == [line.text for line in fake_cloud.jobs[job_id].log]
