"""The page as a person uses it: one method per thing to do or to see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

OUTCOME_WITHIN_MS = 120_000
STICKING_OUT = """() => [...document.querySelectorAll(".card")].flatMap((card) => {
  const edge = card.getBoundingClientRect().right;
  const overruns = (label) => label.matches("dt, th, label, legend") && label.scrollWidth > label.clientWidth;
  return [...card.querySelectorAll("*")]
    .filter((part) => part.checkVisibility() && (part.getBoundingClientRect().right > edge || overruns(part)))
    .map((part) => part.outerHTML.slice(0, 100));
})"""

# Playwright cannot hide a tab.
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class JobPage:
    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.text = page.get_by_label("Text", exact=True)
        self.file = page.get_by_label("Files", exact=True)
        self.file_rows = page.locator("#file-list li")
        self.submit_button = page.locator("#submit")
        self.job = page.locator("#job")
        self.phases = self.job.get_by_role("list", name="Phases")
        self.timeline = self.job.locator(".timeline")
        self.sentence = self.job.locator(".sentence")
        self.ending = self.job.locator(".sentence + .pill")
        self.announcer = page.locator("#announcer")
        self.earlier_runs = self.job.locator("details.run")
        self.machine_count = page.get_by_role("heading", name="Machines alive now:")
        self.machine_rows = page.locator("#machine-list li")
        self.retry_button = self.job.get_by_role("button", name="Re-run")
        self.sign_in_button = page.get_by_role("button", name="Sign in", exact=True)
        self.sign_out_button = page.get_by_role("button", name="Sign out")
        self.session_notice = page.locator("#session-notice")
        self.rows = page.locator("#job-list li")

    def open(self, fragment: str = "") -> None:
        self.page.goto(f"{self.url}/{fragment}")
        expect(self.page.get_by_role("heading", name="Your jobs")).to_be_visible()

    def hold(self, address: str, times: int | None = None) -> list[Route]:
        """The requests for it, all or the first ones, none of which is answered before the test says so."""
        held: list[Route] = []
        self.page.route(address, lambda route: held.append(route), times=times)  # noqa: PLW0108 - playwright sets an attribute of it
        return held

    def unfold(self, part: str) -> None:
        """Opens a part of the job that is folded at first: "steps" or "more"."""
        fold = self.job.locator(f"details.{part}")
        if fold.get_attribute("open") is None:
            fold.locator("> summary").click()

    @property
    def receipt(self) -> Locator:
        """Among the details of the job, which are opened."""
        self.unfold("more")
        return self.job.get_by_role("region", name="Receipt")

    def fill(self, text: str, *files: Path) -> None:
        """Opens the page if it is not; on a wide screen an open job hides a form that nothing is in."""
        if not self.page.url.startswith(self.url):
            self.open()
        if not self.text.is_visible():
            self.page.get_by_role("link", name="New job").click()
        self.text.fill(text)
        self.file.set_input_files(files)

    def send(self, text: str, *files: Path) -> None:
        self.fill(text, *files)
        self.submit_button.click()

    def submit(self, text: str, file: Path) -> str:
        """Sends the form and returns the new job's id."""
        self.send(text, file)
        return self.shown_job_id(file.name)

    def shown_job_id(self, filename: str) -> str:
        expect(self.job.get_by_role("heading", name=filename)).to_be_visible(timeout=OUTCOME_WITHIN_MS)
        return self.page.evaluate("location.hash").removeprefix("#/jobs/")  # type: ignore[no-any-return]

    def expect_status(self, label: str) -> None:
        expect(self.job.locator(".job-head .pill")).to_have_text(label, timeout=OUTCOME_WITHIN_MS)

    def expect_sentence(self, text: str) -> None:
        expect(self.sentence).to_have_text(text, timeout=OUTCOME_WITHIN_MS)

    def expect_event(self, label: str) -> Locator:
        self.unfold("steps")
        event = self.timeline.get_by_text(label, exact=True)
        expect(event.first).to_be_visible(timeout=OUTCOME_WITHIN_MS)
        return event

    def after(self, duration: str, is_shown: Callable[[float], None]) -> None:
        """Moves the page's clock on by a duration, such as 00:05, until something is shown.

        More than once if need be: the page may set its next timer only after the clock was moved.

        Args:
            duration: minutes and seconds.
            is_shown: expects it within so many milliseconds.
        """
        for _ in range(10):
            self.page.clock.fast_forward(duration)
            with suppress(AssertionError):
                return is_shown(1000)
        return is_shown(30_000)

    def open_log(self) -> Locator:
        """What the script printed; the log is open already where the job was seen running."""
        log = self.job.locator("details.log")
        if log.get_attribute("open") is None:
            log.locator("summary").click()
        return self.job.get_by_role("region", name="Log")

    def download(self) -> bytes:
        with self.page.expect_download() as waiting:
            self.job.get_by_role("button", name="Download result").click()
        return Path(waiting.value.path()).read_bytes()

    def field_error(self, field: str) -> Locator:
        return self.page.locator(f"#{field}-error")

    def expect_to_fit(self) -> None:
        """Nothing scrolls sideways or crosses the right edge of its card, and no label overruns its column."""
        assert not self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert self.page.evaluate(STICKING_OUT) == []

    def expect_to_fit_each(self, *widths: int) -> None:
        """The same in windows of these widths, in CSS pixels; the last one stays."""
        for width in widths:
            self.page.set_viewport_size({"width": width, "height": 700})
            self.expect_to_fit()


def submit_by_keyboard(form: JobPage, file: Path) -> None:
    """Submits "typed text" and the file without ever touching the mouse."""
    # Listening early: the browser is told to hand over its file dialogs without an answer to wait for.
    form.page.on("filechooser", lambda chooser: chooser.set_files(file))

    def tab_to(what: str) -> None:
        for _ in range(20):
            form.page.keyboard.press("Tab")
            if form.page.evaluate("document.activeElement.id") == what:
                return
        pytest.fail(f"the tab key does not reach {what}")

    tab_to("input-text")
    form.page.keyboard.type("typed text")
    tab_to("input-file")
    form.page.keyboard.press("Space")
    expect(form.file_rows).to_contain_text(file.name)
    tab_to("submit")
    form.page.keyboard.press("Enter")
