"""A Chromium for benchmarks and tests: Playwright's own, else one of the system's."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

# The headless shell first: the same engine without a browser's own windows, at half the CPU time for a test.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
MAC_CHROME = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
REMEDY = "No Chromium was found. Run `make browser` to install one."
# A graphics processor and the browser's own requests have no part in what is measured.
_QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")


def find_browser(playwright: Playwright) -> str:
    """Raises SystemExit where there is none."""
    own = Path(playwright.chromium.executable_path)
    found = [str(path) for path in (own, MAC_CHROME) if path.exists()]
    found += [path for name in NAMES if (path := shutil.which(name))]
    if not found:
        raise SystemExit(REMEDY)
    return found[0]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    arguments = ["--no-first-run", *(f"--disable-{what}" for what in _QUIET)]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(playwright), args=arguments)
        yield browser
        browser.close()
