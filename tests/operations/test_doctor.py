from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProfileNotFound

from operations.doctor import Session, examine, main
from operations.finding import Finding, Verdict
from tests.operations.test_local_machine import Machine, without

PROJECT = (Path(__file__).parents[2] / "Pulumi.yaml").read_text(encoding="utf-8")


class NoSession:
    """A machine without credentials."""

    region_name = None

    def get_credentials(self) -> None:
        return None

    def client(self, service_name: str, **settings: Any) -> Any:
        raise AssertionError(f"nobody asks {service_name} without credentials")


class SignedIn(NoSession):
    def get_credentials(self) -> Any:
        return object()


def nobody(profile: str | None) -> Session:
    return NoSession()


def folder(tmp_path: Path, **stacks: str) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    for name, text in stacks.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    return tmp_path


def look(where: Path, stack: str = "dev", connect: Any = nobody) -> dict[str, Finding]:
    return {each.subject: each for each in examine(where, stack, Machine(), connect)}


def test_without_credentials_the_machine_is_looked_at_and_nothing_stops(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Machine(programs=without("pulumi")), nobody) == 0
    told = capsys.readouterr().out
    assert "look  credentials  none: the account was not looked at" in told
    assert "local cloud" in told
    assert "look  pulumi" in told


def test_what_stops_ends_with_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Machine(version=(3, 9)), nobody) == 1
    assert "stop  python" in capsys.readouterr().out


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], Machine(), nobody) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stack"] == "dev"
    assert {frozenset(each) for each in told["findings"]} == {frozenset(("subject", "verdict", "seen", "remedy"))}
    assert {each["verdict"] for each in told["findings"]} <= set(Verdict)


def test_the_chosen_stacks_file_is_read(tmp_path: Path) -> None:
    where = folder(tmp_path, shop='config: {"mayfly:auth": none, "mayfly:markets": [spot, on-demand]}')
    stack = look(where, "shop")["stack"]
    assert stack.seen.startswith("shop: sign-in none")
    assert "spot then on-demand" in stack.seen
    assert stack.verdict is Verdict.LOOK


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('config: {"mayfly:auth": none, "mayfly:maxAttempts": 99}', "mayfly:maxAttempts is 99"),
        ('config: {"mayfly:auth": none, "mayfly:colour": blue}', "mayfly:colour: not declared"),
        ("config: {}", "auth: required"),
    ],
)
def test_a_value_that_cannot_be_stops_it(tmp_path: Path, text: str, seen: str) -> None:
    stack = look(folder(tmp_path, dev=text))["stack"]
    assert stack.verdict is Verdict.STOP
    assert seen in stack.seen


def test_a_stack_without_a_file_is_told_how_to_get_one(tmp_path: Path) -> None:
    assert "pulumi stack init prod" in look(folder(tmp_path), "prod")["stack"].remedy


def test_the_stacks_own_profile_is_used(tmp_path: Path) -> None:
    def connect(profile: str | None) -> Session:
        raise ProfileNotFound(profile=profile or "")

    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito, "aws:profile": work}')
    credentials = look(where, connect=connect)["credentials"]
    assert credentials.verdict is Verdict.STOP
    assert "work" in credentials.seen


def test_a_stack_without_a_region_is_told_to_have_one(tmp_path: Path) -> None:
    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito}')
    assert look(where, connect=lambda _: SignedIn())["region"].verdict is Verdict.STOP
