"""What Mayfly wants of the machine one works on."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from operations.finding import Finding, Verdict

ROOT = Path(__file__).parents[1]
SITE_PORT = 8080  # of `make up`
# The virtual environments take about one and a half, bundles, the scanners' data and test artifacts the rest.
WANTED_GIB = 4
_OLDEST_PYTHON, _NEWEST_PYTHON = (3, 11), (3, 13)
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_GIB = 1 << 30
_ANSWER_SECONDS = 30


class Machine:
    """The machine this runs on."""

    def python(self) -> tuple[int, int]:
        return sys.version_info[:2]

    def program(self, name: str) -> str | None:
        """Where the program is, or None."""
        return shutil.which(name)

    def first_line(self, *command: str) -> str:
        """The first line that a command prints, empty when it fails."""
        try:
            finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS)
        except (OSError, subprocess.SubprocessError):
            return ""
        return finished.stdout.strip().partition("\n")[0]

    def free_bytes(self) -> int:
        """On the disk of the repository."""
        return shutil.disk_usage(ROOT).free

    def port_is_free(self, port: int) -> bool:
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closed one's port is free
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                return False
            return True


def check_machine(machine: Machine, *, deploying: bool) -> Iterator[Finding]:
    """Looks at everything; `deploying` makes a stop of what only deploying needs."""
    yield _python(*machine.python())
    yield _make(machine)
    yield _disk(machine.free_bytes())
    yield _port(machine.port_is_free(SITE_PORT))
    yield _browser(machine)
    yield _pulumi(machine, deploying=deploying)


def _python(major: int, minor: int) -> Finding:
    seen = f"{major}.{minor}"
    if (major, minor) < _OLDEST_PYTHON:
        remedy = "Install Python 3.11 or newer and name it: make PYTHON=python3.12 setup"
        return Finding("python", Verdict.FAIL, seen, remedy)
    if (major, minor) > _NEWEST_PYTHON:
        return Finding("python", Verdict.WARN, f"{seen}, newer than what the tests run on", "3.11 to 3.13 are tested.")
    return Finding("python", Verdict.OK, seen)


def _make(machine: Machine) -> Finding:
    if not machine.program("make"):
        return Finding("make", Verdict.WARN, "not found", "Install it, or run the Makefile's commands by hand.")
    return Finding("make", Verdict.OK, machine.first_line("make", "--version"))


def _disk(free: int) -> Finding:
    seen = f"{free / _GIB:.1f} GiB free"
    if free >= WANTED_GIB * _GIB:
        return Finding("disk", Verdict.OK, seen)
    return Finding("disk", Verdict.WARN, seen, f"Make room: everything together takes up to {WANTED_GIB} GiB.")


def _port(is_free: bool) -> Finding:
    if is_free:
        return Finding("port", Verdict.OK, f"{SITE_PORT} is free")
    remedy = "`make up` would not start; take any other one: .venv/bin/python -m localcloud up --port 0"
    return Finding("port", Verdict.WARN, f"{SITE_PORT} is in use", remedy)


def _browser(machine: Machine) -> Finding:
    for name in _BROWSERS:
        if path := machine.program(name):
            return Finding("browser", Verdict.OK, path)
    return Finding("browser", Verdict.WARN, "no Chromium", "Only the browser tests need it: make browser")


def _pulumi(machine: Machine, *, deploying: bool) -> Finding:
    missing = Verdict.FAIL if deploying else Verdict.WARN
    sdk = version("pulumi")
    if not machine.program("pulumi"):
        remedy = f"Only deploying to AWS needs it: https://www.pulumi.com/docs/install, {sdk} or newer."
        return Finding("pulumi", missing, "no Pulumi CLI", remedy)
    told = machine.first_line("pulumi", "version")
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", told)
    if not found:
        return Finding("pulumi", missing, f"`pulumi version` says {told!r}", "See that it runs; then ask again.")
    wanted = tuple(int(part) for part in sdk.split(".")[:2])
    here = (int(found[1]), int(found[2]))
    if here[0] != wanted[0]:
        return Finding("pulumi", missing, f"{told}; the SDK here is {sdk}", f"Install a Pulumi CLI {wanted[0]}.x.")
    if here < wanted:
        return Finding("pulumi", Verdict.WARN, f"{told}, older than the SDK here, {sdk}", "Update the Pulumi CLI.")
    return Finding("pulumi", Verdict.OK, told)
