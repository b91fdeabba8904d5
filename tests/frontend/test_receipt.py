"""What a job tells of its machines, and whether they are gone. In a real browser, against the fake cloud."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import LOSING_WAY, TERMINATED

pytestmark = pytest.mark.browser


def fact(machine: Locator, name: str) -> Locator:
    """The value beside a term of the description list."""
    return machine.locator("dl > div").filter(has=machine.page.locator("dt", has_text=name)).locator("dd")


def test_a_receipt_tells_everything_about_the_machine(form: JobPage, fake_cloud: FakeCloud, document: Path) -> None:
    job_id = form.submit("the text", document)
    machine = form.receipt.get_by_role("listitem")
    expect(machine.get_by_text("Confirmed terminated", exact=True)).to_be_visible()
    record = fake_cloud.jobs[job_id].record["machines"][0]
    expect(machine.get_by_role("heading", name=record["instance_id"])).to_be_visible()
    for name, field in (("Type", "instance_type"), ("Market", "market"), ("Zone", "zone"), ("Image", "image_id")):
        expect(fact(machine, name)).to_have_text(record[field])
    for name, field in (("Launched", "launched_at"), ("Terminated", "terminated_at")):
        expect(fact(machine, name).locator("time")).to_have_attribute("datetime", record[field])
    expect(fact(machine, "Lifetime")).to_have_text(re.compile(r"^(<0\.1|0\.\d)\ss$"))
    expect(fact(machine, "Attempt")).to_have_text("1")
    expect(fact(machine, "Confirmed")).to_have_text(record["verified"])
    job = fake_cloud.jobs[job_id]
    for name in ("input", "output"):
        expect(form.job).to_contain_text(job.manifest[name]["sha256"])
    form.expect_to_fit_each(320, 1280)
    link = form.job.get_by_role("link", name="Download manifest")
    with form.page.expect_download() as started:
        link.click()
    assert hashlib.sha256(started.value.path().read_bytes()).hexdigest() == job.record["manifest_sha256"]
    form.job.get_by_role("button", name="Verify result").click()
    expect(form.announcer).to_have_text("Verified: the stored result has this hash.")
    job.output += b"!"
    form.job.get_by_role("button", name="Verified").click()
    expect(form.announcer).to_have_text("The stored result differs.")


def test_a_result_that_is_too_large_for_the_browser_is_verified_by_a_command(
    form: JobPage, fake_cloud: FakeCloud
) -> None:
    job_id = fake_cloud.add_finished_job("it's large.bin")
    job = fake_cloud.jobs[job_id]
    form.page.route(
        "**/manifest",
        lambda route: route.fulfill(json=job.manifest | {"output": job.manifest["output"] | {"size": 2**27}}),
    )
    form.open(f"#/jobs/{job_id}")
    form.unfold("more")
    expect(form.job).to_contain_text(job.manifest["output"]["sha256"])
    expect(form.job).to_contain_text("Results above 100 MiB are too large for the browser to verify.")
    expect(form.job.locator("code")).to_have_text("sha256sum -- 'it'\\''s large.bin'")
    expect(form.job.get_by_role("button", name="Verify result")).to_be_hidden()


def test_a_machine_is_still_ending_until_its_end_is_confirmed_however_late_that_is(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.stop_after = "script_started"
    form.page.clock.install()
    job = fake_cloud.jobs[form.submit("the text", document)]
    expect(form.receipt.get_by_text("Alive", exact=True)).to_be_visible()
    expect(form.ending).to_be_hidden()
    fake_cloud.stop_after = "succeeded"
    form.expect_status("Succeeded")
    expect(form.ending).to_have_text("Machine being terminated")
    expect(form.receipt.get_by_text("Being terminated", exact=True)).to_be_visible()
    expect(fact(form.receipt, "Terminated")).to_have_text("not yet")
    expect(fact(form.receipt, "Lifetime")).to_contain_text("so far")
    form.expect_event("Terminating the machine")
    expect(form.announcer).to_contain_text("Machine being terminated")
    *events, last = job.job.timeline
    early = "2026-01-31T09:15:02.345Z"
    job.change(created_at=early, timeline=(*events, replace(last, at=early)))
    form.expect_event("The termination is not confirmed yet")
    expect(form.ending).to_have_text("Machine being terminated")
    fake_cloud.stop_after = None
    form.after("00:20", lambda ms: expect(form.ending).to_have_text("Machine confirmed terminated", timeout=ms))
    expect(form.receipt.get_by_text("Confirmed terminated", exact=True)).to_be_visible()
    expect(form.announcer).to_contain_text("Machine confirmed terminated")


def test_every_machine_of_a_job_has_its_own_receipt(form: JobPage, fake_cloud: FakeCloud, document: Path) -> None:
    fake_cloud.way = LOSING_WAY
    fake_cloud.stop_after = "machine_lost"
    job_id = form.submit("the text", document)
    expect(form.receipt.get_by_text("Being terminated", exact=True)).to_be_visible()
    form.expect_sentence("The machine was lost.")
    fake_cloud.stop_after = "machine_terminated"
    form.expect_sentence("The last machine has ended. Waiting for another one.")
    form.expect_event("Waiting for another machine")
    fake_cloud.stop_after = "script_started"
    expect(form.receipt.get_by_text("Alive", exact=True)).to_be_visible()
    expect(form.receipt).to_contain_text("1 of 2 machines confirmed terminated")
    fake_cloud.stop_after = None
    expect(form.ending).to_have_text("All machines confirmed terminated")
    ids = [machine["instance_id"] for machine in fake_cloud.jobs[job_id].record["machines"]]
    expect(form.receipt.get_by_role("heading", level=3)).to_have_text(ids)


def test_a_machine_that_comes_after_the_cancel_gets_into_the_receipt(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    fake_cloud.stop_after = "queued"
    form.page.clock.install()
    job = fake_cloud.jobs[form.submit("the text", document)]
    job.new_machine()  # which has not got into the record yet
    form.job.get_by_role("button", name="Cancel job").click()
    form.expect_status("Cancelled")
    expect(form.receipt).to_be_hidden()
    expect(form.ending).to_be_hidden()
    expect(form.machine_count).to_have_text("Machines alive now: 1")
    job.happen(*TERMINATED)
    form.after("00:05", lambda ms: expect(form.ending).to_have_text("Machine confirmed terminated", timeout=ms))
    expect(form.machine_count).to_have_text("Machines alive now: 0")
