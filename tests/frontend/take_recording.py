"""Twenty seconds of a job on the page, for the README: `make recording`.

Against the fake cloud, on a clock of its own: a minute and a half of waiting passes in a few seconds, and how fast this
computer is does not show.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import chromium
from tests.frontend.fake_cloud import FakeCloud, serve
from tests.frontend.job_page import JobPage
from tests.frontend.take_screenshots import README, RESULT, TEXT, furnish
from tests.stack.fake_job import LAUNCHED, RUNNING, TERMINATED, FakeJob

RECORDING = README / "recording.webp"
SIZE = {"width": 1100, "height": 720}
PART = len(RESULT) // 5 + 1
POINTER = """() => {
  const pointer = document.body.appendChild(document.createElement("div"));
  pointer.id = "pointer";
  Object.assign(pointer.style, {position: "fixed", zIndex: 9, width: "22px", height: "22px", borderRadius: "50%",
    background: "rgb(24 33 31 / 35%)", border: "2px solid white", pointerEvents: "none", translate: "-50% -50%"});
}"""
POINT = """([x, y]) => Object.assign(document.getElementById("pointer").style, {left: `${x}px`, top: `${y}px`})"""


class Film:
    """Pictures of a page, each with how long it is shown, and the clock of the page and its cloud."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.time = datetime.now(UTC)
        self.pictures: list[tuple[Path, int]] = []
        self.at = (SIZE["width"] * 0.55, SIZE["height"] * 0.9)

    def date(self) -> str:
        """As the servers say it, by which the page sets its clock."""
        return format_datetime(self.time, usegmt=True)

    def show(self, milliseconds: int) -> None:
        path = self.folder / f"{len(self.pictures):04}.png"
        self.page.screenshot(path=path)
        self.pictures.append((path, milliseconds))

    def click(self, what: Locator) -> None:
        box = what.bounding_box()
        assert box
        self.move_to(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        what.click()
        self.show(200)

    def move_to(self, x: float, y: float) -> None:
        (from_x, from_y), steps = self.at, 6
        for step in range(1, steps + 1):
            share = 1 - (1 - step / steps) ** 2  # slower towards the end
            self.at = (from_x + (x - from_x) * share, from_y + (y - from_y) * share)
            self.page.evaluate(POINT, self.at)
            self.show(60)
        self.show(250)

    def type(self, text: str) -> None:
        for start in range(0, len(text), 3):
            self.page.keyboard.type(text[start : start + 3])
            self.show(80)

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.page.clock.run_for(round(seconds * 1000))

    def until(self, what: Locator, text: str) -> None:
        """Lets time pass until the page has asked and shows it."""
        for _ in range(30):
            with suppress(AssertionError):
                return expect(what).to_contain_text(text, timeout=500)
            self.wait(0.5)
        return expect(what).to_contain_text(text)

    def save(self, path: Path) -> None:
        timed = [word for picture, shown in self.pictures for word in ("-d", str(shown), str(picture))]
        # Lossless: of a page that is smaller than lossy, and leaves no shadows of earlier pictures.
        subprocess.run(["img2webp", "-loop", "0", "-lossless", "-m", "6", *timed, "-o", str(path)], check=True)  # noqa: S607 - wherever it is installed


@contextmanager
def filmed(cloud: FakeCloud) -> Iterator[Film]:
    with chromium() as browser, TemporaryDirectory() as folder:
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")  # type: ignore[arg-type]
        film = Film(page, Path(folder))
        page.clock.install(time=film.time)
        said = patch.object(BaseHTTPRequestHandler, "date_time_string", lambda _: film.date())
        with said, patch("functions.jobs.clock.utc_now", lambda: film.time):
            JobPage(page, cloud.url).open()
            expect(page.locator("#job-list li")).to_have_count(2)
            expect(page.locator("#text-count")).to_contain_text("of")
            page.clock.pause_at(film.time + timedelta(seconds=10))
            film.time += timedelta(seconds=10)
            page.evaluate(POINTER)
            yield film


def submit(film: Film, cloud: FakeCloud) -> FakeJob:
    form = JobPage(film.page, cloud.url)
    film.show(1200)
    film.click(form.text)
    film.type(TEXT)
    film.show(300)
    film.move_to(380, 400)
    file = film.folder / "plate-readings-2.csv"
    file.write_text(RESULT)
    form.file.set_input_files(file)
    film.show(900)
    cloud.uploads_may_end.clear()
    film.click(form.submit_button)
    film.until(form.file_rows, f"{4 * PART} bytes of")  # of five parts four go at once
    film.show(700)
    cloud.uploads_may_end.set()
    form.shown_job_id(file.name)
    (job,) = (job for job in cloud.jobs.values() if job.record["filename"] == file.name)
    return job


def run(film: Film, job: FakeJob) -> None:
    form = JobPage(film.page, "")
    head = form.job.locator(".job-head .pill")
    film.until(head, "Queued")
    film.show(700)
    job.happen(*LAUNCHED)
    film.until(head, "Launching")
    for _ in range(9):
        film.wait(3)
        film.show(220)
    job.happen(*RUNNING)
    job.happen("input_downloaded", "The machine has the file.")
    film.wait(1)
    job.happen("script_started", "The script runs.")
    job.log.clear()
    log = form.job.locator(".log pre")
    film.until(head, "Running")
    for line in ("reading 8,214 rows", *(f"{share:3} %  {share * 82:5} rows checked" for share in range(20, 101, 20))):
        job.print(line)
        film.until(log, line.split("%")[0])
        film.show(400)
    for event in ("script_finished", "output_uploaded", "succeeded"):
        job.happen(event, "")
        film.wait(0.6)
    film.until(form.job.locator(".preview pre"), TEXT)
    film.show(2100)
    film.wait(20)
    job.happen(*TERMINATED)
    film.until(form.ending, "Machine confirmed terminated")
    film.show(1600)


def main() -> None:
    cloud = FakeCloud()
    cloud.events_per_look = 0
    cloud.configure(max_upload_bytes=2**30)
    cloud.upload_in_parts(PART, PART)
    furnish(cloud)
    with serve(cloud), filmed(cloud) as film:
        job = submit(film, cloud)
        run(film, job)
        film.click(film.page.get_by_role("button", name="Download result"))
        film.show(4000)
        film.save(RECORDING)
        seconds = sum(shown for _, shown in film.pictures) / 1000
    print(f"{RECORDING}: {seconds:.1f} s, {RECORDING.stat().st_size / 1000:.0f} kB")  # noqa: T201 - what make says


if __name__ == "__main__":
    main()
