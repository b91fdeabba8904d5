"""Chromium, Firefox and WebKitGTK as WebDriver drives them: what each needs, and how it is started and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mayfly"
WIDTH, HEIGHT = 1280, 900
# In a group of its own, so that all that a driver starts can be ended with it.
ALONE = {"start_new_session": True}


def find(*names: str) -> str | None:
    """The path of the first of these programs that there is."""
    return next((path for name in names if (path := shutil.which(name))), None)


def find_geckodriver() -> str | None:
    """The system's, else the one that `make browsers` has built."""
    built = sorted(CACHE.glob("geckodriver-*/bin/geckodriver"))
    return find("geckodriver") or (str(built[-1]) if built else None)


def find_minibrowser() -> str | None:
    """Debian keeps it outside of the path."""
    return next((str(path) for path in sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))), None)


@contextlib.contextmanager
def ended(service: Service) -> Iterator[None]:
    """Ends the driver with everything that it started, also what it has lost sight of."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.process.pid, signal.SIGKILL)


@contextlib.contextmanager
def display(folder: Path) -> Iterator[Mapping[str, str]]:
    """An X server for WebKitGTK, which has no headless mode; the variables that name it, with an empty home."""
    (folder / "user-dirs.dirs").write_text(f'XDG_DOWNLOAD_DIR="{folder / "downloads"}"\n')
    there, here = os.pipe()
    size = f"{WIDTH + 100}x{HEIGHT + 100}x24"
    server = subprocess.Popen(
        [find("Xvfb") or "", "-displayfd", str(here), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=[here],
        stderr=subprocess.DEVNULL,
    )
    try:
        os.close(here)
        with os.fdopen(there) as told:
            number = told.readline().strip()
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        yield {**os.environ, **home, "DISPLAY": f":{number}", "GDK_BACKEND": "x11"}
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = find("chromium", "chromium-browser", "google-chrome") or ""
    options.add_argument("--headless=new")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.add_argument("--disable-dev-shm-usage")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads")})
    service = webdriver.ChromeService(find("chromedriver"), popen_kw=ALONE)
    with ended(service), webdriver.Chrome(options, service) as driver:
        yield driver


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[WebDriver]:
    options = webdriver.FirefoxOptions()
    options.binary_location = find("firefox-esr", "firefox") or ""
    options.add_argument("-headless")
    options.set_preference("browser.download.folderList", 2)
    options.set_preference("browser.download.dir", str(folder / "downloads"))
    options.set_preference("browser.download.alwaysOpenPanel", False)  # it takes the keys
    service = webdriver.FirefoxService(find_geckodriver(), popen_kw=ALONE)
    with ended(service), webdriver.Firefox(options, service) as driver:
        yield driver


@contextlib.contextmanager
def webkit(folder: Path) -> Iterator[WebDriver]:
    options = webdriver.WebKitGTKOptions()
    options.binary_location = find_minibrowser() or ""
    options.add_argument("--automation")
    with display(folder) as variables:
        service = webdriver.WebKitGTKService(find("WebKitWebDriver"), env=variables, popen_kw=ALONE)
        with ended(service), webdriver.WebKitGTK(options, service) as driver:
            yield driver


@dataclass(frozen=True)
class Engine:
    """A browser, what of it is missing on this machine, and how it is started with a folder for what it keeps."""

    name: str
    needs: Mapping[str, Callable[[], str | None]]
    start: Callable[[Path], AbstractContextManager[WebDriver]]

    def missing(self) -> list[str]:
        """Names of the programs that are not there."""
        return [name for name, locate in self.needs.items() if not locate()]


ENGINES = (
    Engine(
        "Chromium",
        {
            "chromium": lambda: find("chromium", "chromium-browser", "google-chrome"),
            "chromedriver": lambda: find("chromedriver"),
        },
        chromium,
    ),
    Engine(
        "Firefox",
        {"firefox-esr": lambda: find("firefox-esr", "firefox"), "geckodriver": find_geckodriver},
        firefox,
    ),
    Engine(
        "WebKitGTK",
        {
            "WebKitWebDriver": lambda: find("WebKitWebDriver"),
            "MiniBrowser": find_minibrowser,
            "Xvfb": lambda: find("Xvfb"),
        },
        webkit,
    ),
)
