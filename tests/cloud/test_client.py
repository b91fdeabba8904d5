"""The command line client as people run it, from signing in to signing out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from localcloud.cloud import LocalCloud
from mayfly.http_client import http_client
from tests import web
from tests.cloud.steps import expected
from tests.conftest import ROOT

pytestmark = pytest.mark.cloud

Mayfly = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND = [sys.executable, "-m", "mayfly"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("MAYFLY_")}
    return {**known, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}


@pytest.fixture(scope="module")
def mayfly(cloud: LocalCloud, environment: dict[str, str]) -> Mayfly:
    """The command, once alice has signed in with it."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *map(str, words)]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    with subprocess.Popen(
        [*COMMAND, "login", cloud.url, "--no-browser"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as login:
        try:
            assert login.stdout is not None
            assert login.stderr is not None
            address = next(line.strip() for line in login.stderr if "/oauth2/authorize?" in line)
            shown = sign_in(address, cloud.users["alice"])
            assert "go back to the terminal" in shown.text
            assert login.wait(timeout=180) == 0, login.stderr.read()
            assert login.stdout.read() == f"Signed in at {cloud.url} as alice@example.com.\n"
        finally:
            login.kill()
    return run


def sign_in(address: str, who: dict[str, str]) -> httpx.Response:
    """What a browser does at the address, up to the last page it shows."""
    with http_client(address, timeout=web.SECONDS) as browser:
        page = browser.get(address)
        assert page.status_code == 200, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
        back = browser.post(httpx.URL(address).join("/login"), data={**hidden, **who})
        return browser.get(back.headers["location"])


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_who_has_signed_in_is_known_and_a_file_comes_back_with_the_text(
    cloud: LocalCloud, mayfly: Mayfly, tmp_path: Path
) -> None:
    told = document(mayfly("whoami", "--json"))
    assert (told["url"], told["auth"], told["email"]) == (cloud.url, "cognito", "alice@example.com")
    source, result = tmp_path / "letter.txt", tmp_path / "result.txt"
    source.write_bytes(b"content")
    (submitted,) = document(mayfly("submit", source, "--text", "of alice", "-o", result, "--json"))["jobs"]
    assert (submitted["status"], submitted["saved_as"]) == ("succeeded", str(result))
    assert result.read_bytes() == expected(b"content", "of alice")
    shown = document(mayfly("show", submitted["id"][-12:], "--json"))
    assert (shown["id"], shown["status"], shown["filename"]) == (submitted["id"], "succeeded", "letter.txt")
    verified = document(mayfly("verify", submitted["id"], "--input", source, "--output", result, "--json"))
    assert verified["verified"]
    assert {check["verdict"] for check in verified["checks"]} == {"ok"}
    result.write_bytes(b"another result")
    assert mayfly("verify", submitted["id"], "--output", result).returncode == 5
    log = mayfly("log", submitted["id"], "--follow", "--json")
    assert log.returncode == 0, log.stderr
    lines = [json.loads(line) for line in log.stdout.splitlines()]
    assert lines
    assert all(set(line) == {"at", "stream", "text"} for line in lines)


@pytest.fixture
def slow_machines(cloud: LocalCloud) -> Iterator[None]:
    faults = f"{cloud.url}/_local/faults"
    web.put(faults, json={"agent_delay_s": 3600}).raise_for_status()
    yield
    web.delete(faults).raise_for_status()


@pytest.mark.usefixtures("slow_machines")
def test_a_job_is_cancelled_and_waiting_for_it_says_so(mayfly: Mayfly, tmp_path: Path) -> None:
    source = tmp_path / "letter.txt"
    source.write_bytes(b"content")
    (submitted,) = document(mayfly("submit", source, "--text", "never", "--json"))["jobs"]
    assert document(mayfly("cancel", submitted["id"], "--json"))["status"] == "cancelled"
    waited = mayfly("wait", submitted["id"])
    assert waited.returncode == 1
    assert "cancelled" in waited.stdout


def test_after_signing_out_a_copy_of_the_token_is_worthless(cloud: LocalCloud, mayfly: Mayfly, home: Path) -> None:
    file = home / "mayfly" / "config.json"
    copy = json.loads(file.read_text())["people"][cloud.url]
    assert document(mayfly("logout", "--json")) == {"url": cloud.url, "signed_out": True}
    assert copy["refresh_token"] not in file.read_text()
    refused = mayfly("jobs")
    assert refused.returncode == 3
    assert f"Sign in: mayfly login {cloud.url}" in refused.stderr
    form = {"grant_type": "refresh_token", "client_id": copy["client_id"], "refresh_token": copy["refresh_token"]}
    assert web.post(f"{copy['domain']}/oauth2/token", data=form).status_code == 400
