"""The whole way of a job, and the keyboard alone, in Chromium, Firefox and WebKitGTK. Against the fake cloud."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.frontend.conftest import ARTIFACTS, FAILED
from tests.frontend.engines import ENGINES, HEIGHT, WIDTH, Engine
from tests.frontend.fake_cloud import FakeCloud, serve
from tests.stack.user_pool import UserPool

# Selenium's class for WebKitGTK hands its own base class what that one calls deprecated.
DEPRECATED = "ignore:setting remote_server_addr:DeprecationWarning"
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings(DEPRECATED)]

WITHIN_SECONDS = 60
# An element that was drawn anew, and a download that the browser has renamed since it was listed.
_PASSING = [StaleElementReferenceException, FileNotFoundError]
Seen = TypeVar("Seen")

# What the tab key should reach, and what it has reached: some words of each, and whether its focus can be seen.
STOPS = """
const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
return [...all].filter((one) => one.checkVisibility() && !one.disabled).length;
"""
STOP = """
const at = document.activeElement;
if (at === document.body || at === document.documentElement) return null;
const rings = [at, at.parentElement].map((one) => getComputedStyle(one));
const { top, bottom } = at.getBoundingClientRect();
return {
  words: at.id || at.getAttribute("aria-label") || at.textContent.trim(),
  isSeen: rings.some(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 2)
    && bottom > 0 && top < innerHeight,
};
"""

# Where the brand is on a page that scrolls, and on one that does not.
LEFT = """
const left = () => document.querySelector(".brand").getBoundingClientRect().left;
const app = document.getElementById("app");
const long = left();
app.style.cssText = "height: 0; overflow: hidden";
return [long, left()];
"""


class User:
    """What a person does in a browser and comes to see, within a minute."""

    def __init__(self, driver: WebDriver, downloads: Path, cloud: FakeCloud) -> None:
        self.driver = driver
        self.downloads = downloads
        self.cloud = cloud

    def sees(self, what: str, look: Callable[[], Seen]) -> Seen:
        wait = WebDriverWait(self.driver, WITHIN_SECONDS, 0.05, _PASSING)
        return wait.until(lambda _: look(), f"not seen: {what}")

    def finds(self, selector: str, text: str = "") -> WebElement:
        """The first one that is shown and has this text."""

        def look() -> WebElement | None:
            every = self.driver.find_elements(By.CSS_SELECTOR, selector)
            # Not `one.text`: WebKit's driver leaves out what `overflow: hidden` may cut.
            shown = (one for one in every if one.is_displayed())
            return next((one for one in shown if text in str(one.get_property("innerText"))), None)

        found = self.sees(f"{selector} with {text!r}", look)
        assert found is not None
        return found

    def misses(self, selector: str) -> None:
        self.sees(
            f"no {selector}",
            lambda: not any(one.is_displayed() for one in self.driver.find_elements(By.CSS_SELECTOR, selector)),
        )

    def activates(self, selector: str, text: str = "") -> None:
        """By its key: what comes to be shown above it would move it away between the driver's look and its click."""
        self.finds(selector, text).send_keys(Keys.ENTER)

    def presses(self, *keys: str) -> None:
        """Wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def has_focus_on(self, selector: str) -> None:
        script = "return document.activeElement.matches(arguments[0])"
        self.sees(f"the focus on {selector}", lambda: self.driver.execute_script(script, selector))

    def signs_in(self, fragment: str = "") -> None:
        self.driver.get(f"{self.cloud.url}/{fragment}")
        self.finds("#sign-in").click()
        self.finds("#jobs-title", "Your jobs")

    def submits(self, text: str, *files: Path) -> None:
        self.finds("#input-text").send_keys(text)
        self.driver.find_element(By.ID, "input-file").send_keys("\n".join(map(str, files)))
        for file in files:
            self.finds("#file-list li", file.name)
        self.activates("#submit")

    def downloads_the_result(self, content: bytes) -> None:
        """Under a name that the browser makes of the file's: each replaces other characters."""
        self.activates("#job button", "Download result")
        self.sees("the result downloaded", lambda: content in [file.read_bytes() for file in self.downloads.iterdir()])


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.name)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[WebDriver, Path]]:
    """A browser, and the folder that it downloads to."""
    engine: Engine = request.param
    if missing := engine.missing():
        reason = f"{engine.name} is not tested: there is no {' and no '.join(missing)}. `make browsers` installs them."
        if os.environ.get("MAYFLY_REQUIRE_BROWSERS"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp(engine.name)
    downloads = folder / "downloads"
    downloads.mkdir()
    with engine.start(folder) as driver:
        driver.set_window_size(WIDTH, HEIGHT)
        yield driver, downloads


@pytest.fixture
def fake_cloud() -> Iterator[FakeCloud]:
    """On ports of its own, and so with a storage of its own in the browser."""
    with serve(FakeCloud(UserPool())) as cloud:
        yield cloud


@pytest.fixture
def user(started: tuple[WebDriver, Path], fake_cloud: FakeCloud, request: pytest.FixtureRequest) -> Iterator[User]:
    driver, downloads = started
    yield User(driver, downloads, fake_cloud)
    if request.node.stash.get(FAILED, False):
        picture = ARTIFACTS / f"{re.sub(r'[^a-zA-Z0-9]+', '_', request.node.name)}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(str(picture))
    driver.get("about:blank")


def test_the_whole_way_of_a_job(user: User, fake_cloud: FakeCloud, document: Path) -> None:
    document.write_text("first line\nsecond line")
    user.signs_in()
    fake_cloud.stop_after = "script_started"
    user.submits("the text", document)
    user.finds("#job h1", document.name)
    user.finds("#job .pill", "Running")
    user.finds("#job .log pre", "<b>appending</b> the text")
    fake_cloud.stop_after = None
    user.finds("#job .pill", "Succeeded")
    user.finds("#job .pill", "Machine confirmed terminated")
    user.finds("#job .preview pre", "the text")
    user.downloads_the_result(document.read_bytes() + b"\nthe text")
    user.activates("#job button", "Edit and run")
    user.finds("dialog textarea")
    user.presses(" again")
    user.finds("dialog textarea").send_keys(Keys.CONTROL, Keys.ENTER)
    user.misses("dialog")
    user.finds("#job .given-text", "the text again")
    user.finds("#job .pill", "Succeeded")
    assert len(user.driver.find_elements(By.CSS_SELECTOR, "#job-list li")) == 2
    user.activates("#job button", "Delete")
    user.activates("dialog button", "Delete job")
    user.misses("#job")
    user.sees("one job listed", lambda: len(user.driver.find_elements(By.CSS_SELECTOR, "#job-list li")) == 1)
    user.activates("#job-list a")
    user.finds("#job .given-text", "the text")
    user.finds("#job .pill", "Succeeded")
    user.activates("#sign-out")
    user.finds("#sign-in")


def test_a_large_file_goes_in_parts_and_a_failed_one_goes_again(
    user: User, fake_cloud: FakeCloud, tmp_path: Path
) -> None:
    fake_cloud.upload_in_parts(50_000, 10_000)
    fake_cloud.failing = {"PUT s3 2": [0, 503]}
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(52_345))
    user.signs_in()
    user.submits("the text", file)
    user.finds("#job .pill", "Succeeded")
    assert fake_cloud.calls.count("POST s3") == 0
    user.downloads_the_result(file.read_bytes() + b"\nthe text")


def test_the_tab_key_reaches_all_that_can_be_used_and_its_focus_is_seen(user: User, fake_cloud: FakeCloud) -> None:
    job = fake_cloud.add_finished_job("report.txt")
    user.signs_in(f"#/jobs/{job}")
    user.finds("#job .preview pre", "a text")
    for part in ("log", "steps", "more"):
        user.activates(f"#job details.{part} > summary")
    user.finds("#job .manifest button", "Verify result")
    stops = user.driver.execute_script(STOPS)
    user.driver.execute_script("document.querySelector('a[href]').focus()")
    reached = []
    for _ in range(stops + 5):  # Firefox has one more for each part that scrolls
        user.presses(Keys.TAB)
        if not (stop := user.driver.execute_script(STOP)):
            break  # after the last one it is the browser's own turn
        # Firefox scrolls to it a moment later.
        user.sees(f"the focus on {stop}", lambda: user.driver.execute_script(STOP)["isSeen"])
        reached.append(stop["words"])
    assert len(reached) >= stops - 1, reached
    long, short = user.driver.execute_script(LEFT)
    assert long == short, "a scrollbar that comes or goes moves nothing sideways"


def test_a_job_by_keyboard_alone(user: User, fake_cloud: FakeCloud, tmp_path: Path) -> None:
    for name in ("earlier.txt", "later.txt"):
        fake_cloud.add_finished_job(name)
    file = tmp_path / "report.txt"
    file.write_text("content")
    user.signs_in()
    user.finds("#job-list a", "later.txt")
    user.presses("n")
    user.has_focus_on("#input-text")
    user.presses("the text?")
    # The system's dialog for files is the only step that WebDriver cannot take with the keyboard.
    user.driver.find_element(By.ID, "input-file").send_keys(str(file))
    user.finds("#file-list li", "report.txt")
    user.finds("#input-text").send_keys(Keys.CONTROL, Keys.ENTER)
    user.finds("#job h1", "report.txt")
    user.has_focus_on("#job-title")
    user.finds("#job .pill", "Succeeded")
    user.presses("j")
    user.has_focus_on("#job-list li:nth-child(2) a")
    user.presses("?")
    user.finds("dialog h2", "Keyboard")
    user.presses(Keys.ESCAPE)
    user.misses("dialog")
    user.has_focus_on("#job-list li:nth-child(2) a")
    user.presses(Keys.ENTER)
    user.finds("#job h1", "later.txt")
    user.has_focus_on("#job-title")
    user.presses("/")
    user.has_focus_on("#job-search")
    user.presses("earlier", Keys.ENTER)
    user.has_focus_on("#job-list li:first-child a")
    user.presses(Keys.ENTER)
    user.finds("#job h1", "earlier.txt")
    delete = user.finds("#job button", "Delete")
    user.driver.execute_script("arguments[0].focus()", delete)
    user.presses(Keys.ENTER)
    user.finds("dialog h2", "Delete")
    user.presses(Keys.ESCAPE)
    user.misses("dialog")
    assert user.driver.switch_to.active_element == delete
    user.presses(Keys.ENTER, Keys.TAB)
    user.presses(Keys.ENTER)
    user.misses("#job")
    user.has_focus_on("#new-job-title")
