"""A Chromium for benchmarks: Playwright's own, else one of the system's."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REMEDY = "No Chromium was found. Run `make browser` to install one."
# A graphics processor and the browser's own requests have no part in what is measured.
_QUIET = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")


def find_browser(playwright: Playwright) -> str:
    """Raises SystemExit where there is none."""
    own = playwright.chromium.executable_path
    found = [own] if Path(own).exists() else [path for name in NAMES if (path := shutil.which(name))]
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
