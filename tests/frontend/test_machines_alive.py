"""How many machines are alive, and for which jobs. In a real browser, against the fake cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import HIDE, JobPage

pytestmark = pytest.mark.browser


def test_without_a_machine_the_count_is_zero_is_announced_and_is_asked_for_no_more(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud
) -> None:
    fake_cloud.add_finished_job("an earlier one.txt")
    form.page.clock.install()
    form.open()
    expect(form.page.get_by_role("status").filter(has=form.machine_count)).to_have_text("Machines alive now: 0")
    expect(form.page.locator("#machines-note")).to_have_text("None of your jobs has a machine.")
    expect(form.machine_rows).to_have_count(0)
    expect(form.rows).to_have_count(1)
    form.page.clock.fast_forward("10:00")
    assert fake_cloud.calls.count("GET /api/machines") == 1
    assert fake_cloud.calls.count("GET /api/jobs") == 1
    form.page.evaluate(HIDE, True)
    asked = watch.count_sent()
    form.page.clock.fast_forward("10:00")
    assert watch.count_sent() == asked


def test_a_jobs_machine_is_listed_until_it_is_gone(form: JobPage, fake_cloud: FakeCloud, document: Path) -> None:
    fake_cloud.stop_after = "script_started"
    job_id = form.submit("the text", document)
    expect(form.machine_count).to_have_text("Machines alive now: 1")
    machine = fake_cloud.jobs[job_id].record["machines"][0]
    expect(form.machine_rows).to_contain_text([document.name])
    for told in (machine["instance_id"], "t4g.micro", "eu-central-1a"):
        expect(form.machine_rows).to_contain_text([told])
    fake_cloud.stop_after = "succeeded"
    form.expect_status("Succeeded")
    expect(form.machine_count).to_have_text("Machines alive now: 1")
    fake_cloud.stop_after = None
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    expect(form.machine_rows).to_have_count(0)
    # One that comes and finishes its job between two looks.
    fake_cloud.stop_after = "queued"
    form.submit("the text", document)
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    fake_cloud.stop_after = "succeeded"
    form.expect_status("Succeeded")
    expect(form.machine_count).to_have_text("Machines alive now: 1")


def test_the_machines_of_other_jobs_are_followed_and_lead_to_them(form: JobPage, fake_cloud: FakeCloud) -> None:
    ids = [fake_cloud.add_job(name, "a text", b"").id for name in ("one.txt", "two.txt")]
    for job_id in ids:
        fake_cloud.jobs[job_id].happen(*fake_cloud.jobs[job_id].to_come.pop(0))
    form.page.clock.install()
    form.open()
    expect(form.machine_count).to_have_text("Machines alive now: 2")
    fake_cloud.look_at(fake_cloud.jobs[ids[0]])
    form.after("00:05", lambda ms: expect(form.machine_count).to_have_text("Machines alive now: 1", timeout=ms))
    form.machine_rows.get_by_role("link", name="two.txt").click()
    assert form.shown_job_id("two.txt") == ids[1]
