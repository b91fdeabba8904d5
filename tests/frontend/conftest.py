from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
)

from benchmarks.browser import chromium
from tests.frontend.fake_cloud import FakeCloud, serve
from tests.frontend.job_page import JobPage

ARTIFACTS = Path(__file__).parents[2] / "build" / "test-artifacts"
FAILED = pytest.StashKey[bool]()
# For what a page does and for what it comes to show; a busy computer takes its time.
WITHIN_MS = 60_000
expect.set_options(timeout=WITHIN_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:  # type: ignore[attr-defined]
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except SystemExit as missing:
            pytest.fail(str(missing), pytrace=False)
        yield browser


class Watch:
    """Notes what a page says and asks for, and what of it should not have been."""

    def __init__(self, page: Page) -> None:
        self.console: list[str] = []
        self.requests: list[str] = []
        self.faults: list[str] = []
        self._allowed: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error.stack or error}"))
        page.on("request", self._on_request)
        page.on("requestfinished", lambda request: self._note(request, "done"))
        page.on("requestfailed", lambda request: self._note(request, str(request.failure)))

    def allow(self, pattern: str) -> None:
        """Lets a console error pass that the test provokes."""
        self._allowed.append(pattern)

    def count_sent(self, address: str = "") -> int:
        """Requests to such addresses that the page has sent; the fake may read the last one only later."""
        return sum(line.startswith("sent") and address in line for line in self.requests)

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(re.search(pattern, fault) for pattern in self._allowed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        line = f"{message.type}: {message.text} ({message.location.get('url')})"
        self.console.append(line)
        if message.type in {"error", "warning"}:
            self.faults.append(line)

    def _on_request(self, request: Request) -> None:
        self._note(request, "sent")
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname != "127.0.0.1":
            self.faults.append(f"request to another host: {request.url}")

    def _note(self, request: Request, what: str) -> None:
        self.requests.append(f"{what:5} {request.method} {request.url}")


def keep(folder: Path, page: Page, watch: Watch) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / "page.png", full_page=True)
    (folder / "page.html").write_text(page.content())
    (folder / "console.log").write_text("\n".join([*watch.console, *watch.faults]))
    (folder / "network.log").write_text("\n".join(watch.requests))


@pytest.fixture
def context_options() -> dict[str, object]:
    """What a test module may override: size, colour scheme and the like."""
    # Without motion: where nothing has a graphics processor, a pulsing dot takes most of the time of a test that waits.
    return {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture
def context(browser: Browser, context_options: dict[str, object]) -> Iterator[BrowserContext]:
    context = browser.new_context(**context_options)  # type: ignore[arg-type]
    context.set_default_timeout(WITHIN_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def watch(page: Page, request: pytest.FixtureRequest) -> Iterator[Watch]:
    watch = Watch(page)
    yield watch
    unexpected = watch.unexpected()
    if unexpected or request.node.stash.get(FAILED, False):
        name = f"{request.node.path.stem}.{request.node.name}"
        keep(ARTIFACTS / re.sub(r"[^\w.-]+", "_", name), page, watch)
    assert not unexpected, json.dumps(unexpected, indent=1)


@pytest.fixture
def fake_cloud() -> Iterator[FakeCloud]:
    with serve(FakeCloud()) as cloud:
        yield cloud


@pytest.fixture
def site_url(fake_cloud: FakeCloud) -> str:
    """Which site is tested: the fake, unless a test module says otherwise."""
    return fake_cloud.url


@pytest.fixture
def form(page: Page, watch: Watch, site_url: str) -> JobPage:
    return JobPage(page, site_url)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A file with an awkward name and bytes that are not UTF-8."""
    file = tmp_path / "a #1 \"draft\" & 100% 'done' 📄.txt"
    file.write_bytes(b"first line\nsecond \xff\xfe line")
    return file
