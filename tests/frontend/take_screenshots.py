"""Pictures of each view of the page against the fake cloud: `make screenshots`.

All go to build/screenshots as PNG; the one that the README shows goes to docs/images as WebP, a fraction of the size.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import chromium
from functions.jobs.clock import rfc3339
from functions.scheduling.ports import Slot
from tests.frontend.fake_cloud import FakeCloud, serve
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import FAILING_WAY, FakeJob
from tests.stack.user_pool import UserPool

ROOT = Path(__file__).parents[2]
ALL = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "images"
# Seconds from one event of a job's way to the next: what EC2 and SSM take.
PACE = (0.0, 1.4, 31.2, 1.1, 0.3, 12.6, 0.9, 0.4, 44.0)
TEXT = "Reviewed by the lab on Tuesday; keep row 4."
RESULT = "\n".join(f"{hour:02}:00,{20 + hour % 7}.{hour % 10},ok" for hour in range(8))

View = Callable[[Page, FakeCloud], None]


def age(job: FakeJob, since: timedelta) -> None:
    """Makes a job that went through in no time look as if it had taken its time, beginning so long ago."""
    at = datetime.now(UTC) - since
    timeline, machines = list(job.job.timeline), job.job.machines
    for index, seconds in enumerate(PACE[: len(timeline)]):
        at += timedelta(seconds=seconds)
        timeline[index] = replace(timeline[index], at=rfc3339(at))
        if timeline[index].event == "launched":
            machines = tuple(replace(each, launched_at=rfc3339(at)) for each in machines)
        if timeline[index].event == "machine_terminated":
            machines = tuple(replace(each, terminated_at=rfc3339(at)) for each in machines)
    job.change(timeline=tuple(timeline), machines=machines, created_at=timeline[0].at)
    job.stack.scheduling.grant_slots([Slot(job.job.this_run, machine) for machine in job.alive])


def furnish(cloud: FakeCloud) -> None:
    """A morning's jobs."""
    for name, minutes, way in (("plate-readings.csv", 190, cloud.way), ("genome-07.fa", 95, FAILING_WAY)):
        usual, cloud.way = cloud.way, way
        age(cloud.jobs[cloud.add_finished_job(name)], timedelta(minutes=minutes))
        cloud.way = usual


def show(page: Page, cloud: FakeCloud, job: FakeJob) -> None:
    page.goto(f"{cloud.url}/#/jobs/{job.record['id']}")
    expect(page.locator("#job-title")).to_have_text(job.record["filename"])
    expect(page.locator("#machines-count")).not_to_have_text("…")


def empty(page: Page, cloud: FakeCloud) -> None:
    JobPage(page, cloud.url).open()
    expect(page.locator("#text-count")).to_contain_text("of")
    expect(page.locator("#jobs-note")).to_contain_text("No jobs yet.")


def uploading(page: Page, cloud: FakeCloud) -> None:
    furnish(cloud)
    cloud.first_held_part = 4
    cloud.uploads_may_end.clear()
    form = JobPage(page, cloud.url)
    with TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("sequencer-run-12.bam", "plate-readings.csv", "notes.txt", "map.tif")]
        for file, size in zip(files, (4_900_000, 310_000, 5_200, 2_400_000), strict=True):
            file.write_bytes(os.urandom(size))
        form.send(TEXT, *files)
        expect(form.file_rows.first).to_contain_text("4.7 MiB of 4.7 MiB")
        expect(form.file_rows.last).to_contain_text("Waiting for other uploads.")


def cut_off(page: Page, cloud: FakeCloud) -> None:
    # As a browser that has not kept the file.
    page.add_init_script("Object.defineProperty(globalThis, 'indexedDB', {value: undefined})")
    uploading(page, cloud)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#cut-off")).to_be_visible()
    expect(page.locator("#jobs-note")).to_be_empty()


def running(page: Page, cloud: FakeCloud) -> None:
    furnish(cloud)
    cloud.stop_after = "script_started"
    job = cloud.add_job("plate-readings-2.csv", TEXT, b"x" * 182_340)
    cloud.look_at(job)
    job.log.clear()
    job.print("reading 8,214 rows", *(f"{share:3} %  {share * 82:5} rows checked" for share in range(10, 80, 10)))
    age(job, timedelta(seconds=42))
    show(page, cloud, job)
    expect(page.get_by_role("region", name="Log")).to_contain_text("70 %")


def succeeded(page: Page, cloud: FakeCloud) -> None:
    furnish(cloud)
    job = cloud.jobs[cloud.add_finished_job("plate-readings-2.csv", text=TEXT, content=RESULT.encode())]
    age(job, timedelta(minutes=4))
    show(page, cloud, job)
    expect(page.get_by_role("region", name="Beginning of the result")).to_contain_text(TEXT)


def failed(page: Page, cloud: FakeCloud) -> None:
    furnish(cloud)
    cloud.way = FAILING_WAY
    job = cloud.jobs[cloud.add_finished_job("plate-readings-3.csv")]
    age(job, timedelta(minutes=2))
    show(page, cloud, job)


def batch(page: Page, cloud: FakeCloud) -> None:
    furnish(cloud)
    ways = [cloud.way, cloud.way, FAILING_WAY, cloud.way, cloud.way, cloud.way[:4], cloud.way[:4], cloud.way[:1]]
    for index, way in enumerate(ways):
        job = cloud.add_job(f"sample-{index + 1:02}.csv", TEXT, b"x" * 182_340, "lab-1")
        for event in way:
            job.happen(*event)
        age(job, timedelta(seconds=110 - 8 * index))
    page.goto(f"{cloud.url}/#/batches/lab-1")
    expect(page.locator(".gantt-rows li")).to_have_count(len(ways))


def sign_in_gate(page: Page, cloud: FakeCloud) -> None:
    page.goto(cloud.url)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def docs(page: Page, cloud: FakeCloud) -> None:
    page.goto(f"{cloud.url}/api/docs")
    expect(page.get_by_text("Submit Job")).to_be_visible()


# Name → view, width, colour scheme.
VIEWS: dict[str, tuple[View, int, str]] = {
    "empty-form": (empty, 1280, "light"),
    "uploading-several": (uploading, 1280, "light"),
    "upload-cut-off": (cut_off, 1280, "light"),
    "running-with-log": (running, 1280, "light"),
    "succeeded-with-preview": (succeeded, 1280, "light"),
    "failed-with-advice": (failed, 1280, "light"),
    "batch": (batch, 1280, "light"),
    "batch-phone-dark": (batch, 320, "dark"),
    "dark": (running, 1280, "dark"),
    "phone": (succeeded, 320, "light"),
    "sign-in-gate": (sign_in_gate, 1280, "light"),
    "docs-page": (docs, 1280, "light"),
}
IN_README = ("dark",)


def webp(page: Page) -> bytes:
    # Chromium can, playwright cannot.
    settings = {"format": "webp", "quality": 80}
    answer = page.context.new_cdp_session(page).send("Page.captureScreenshot", settings)
    return base64.b64decode(answer["data"])


def take(browser: Browser, name: str) -> None:
    view, width, scheme = VIEWS[name]
    with serve(FakeCloud(UserPool() if view is sign_in_gate else None)) as cloud:
        cloud.configure(max_upload_bytes=2**30)
        cloud.upload_in_parts(4_000_000, 1_000_000)
        page = browser.new_page(viewport={"width": width, "height": 860}, reduced_motion="reduce")
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        view(page, cloud)
        page.screenshot(path=ALL / f"{name}.png", full_page=True)
        if name in IN_README:
            (README / f"{name}.webp").write_bytes(webp(page))
        page.close()


def main() -> None:
    for folder in (ALL, README):
        folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name in VIEWS:
            take(browser, name)


if __name__ == "__main__":
    main()
