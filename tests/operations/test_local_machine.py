from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import pytest

from operations import local_machine
from operations.finding import Verdict
from operations.local_machine import WANTED_GIB, check_machine

SDK = version("pulumi")
PROGRAMS = {"make": "GNU Make 4.3", "chromium": "Chromium 130", "pulumi": f"v{SDK}"}


@dataclass
class Machine(local_machine.Machine):
    version: tuple[int, int] = (3, 12)
    programs: Mapping[str, str] = field(default_factory=lambda: dict(PROGRAMS))
    free: int = WANTED_GIB << 30
    is_port_free: bool = True

    def python(self) -> tuple[int, int]:
        return self.version

    def program(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if name in self.programs else None

    def first_line(self, *command: str) -> str:
        return self.programs[command[0]]

    def free_bytes(self) -> int:
        return self.free

    def port_is_free(self, port: int) -> bool:
        return self.is_port_free


def verdicts(machine: Machine, *, deploying: bool = False) -> dict[str, Verdict]:
    """What is not fine; each such thing has a remedy."""
    found = [each for each in check_machine(machine, deploying=deploying) if each.verdict is not Verdict.OK]
    assert all(each.remedy for each in found)
    return {each.subject: each.verdict for each in found}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PROGRAMS.items() if key != name}


def test_a_machine_that_has_everything_is_fine() -> None:
    assert verdicts(Machine(), deploying=True) == {}


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (Machine(version=(3, 10)), {"python": Verdict.FAIL}),
        (Machine(version=(3, 99)), {"python": Verdict.WARN}),
        (Machine(programs=without("make")), {"make": Verdict.WARN}),
        (Machine(free=1 << 30), {"disk": Verdict.WARN}),
        (Machine(is_port_free=False), {"port": Verdict.WARN}),
        (Machine(programs=without("chromium")), {"browser": Verdict.WARN}),
        (Machine(programs=without("chromium") | {"google-chrome": "x"}), {}),
        (Machine(programs=without("pulumi")), {"pulumi": Verdict.WARN}),
        (Machine(programs=PROGRAMS | {"pulumi": "v3.1.0"}), {"pulumi": Verdict.WARN}),
        (Machine(programs=PROGRAMS | {"pulumi": "v2.30.0"}), {"pulumi": Verdict.WARN}),
        (Machine(programs=PROGRAMS | {"pulumi": "v3.9999.0"}), {}),
    ],
)
def test_what_is_missing_is_told(machine: Machine, expected: dict[str, Verdict]) -> None:
    assert verdicts(machine) == expected


@pytest.mark.parametrize("told", [None, "v2.30.0", ""])
def test_deploying_needs_a_pulumi_cli_that_fits(told: str | None) -> None:
    programs = without("pulumi") | ({} if told is None else {"pulumi": told})
    assert verdicts(Machine(programs=programs), deploying=True) == {"pulumi": Verdict.FAIL}


def test_a_port_in_use_is_seen() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not local_machine.Machine().port_is_free(port)
    assert local_machine.Machine().port_is_free(port)


def test_a_program_that_fails_prints_nothing() -> None:
    assert local_machine.Machine().first_line("/no/such/program") == ""
    assert local_machine.Machine().first_line("make", "--version").startswith("GNU Make")
