"""Every command, in every state that a process can be started in: a message and a documented exit code, no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mayfly.fake_stack import BUCKET, POOL, URL
from tests.stack.user_pool import jwt
from tests.test_structure import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

JOB = "01a204ef-036f-7e25-b1a5-000000000000"
FAILED = "01a204ef-036f-7e25-b1a5-000000000001"
VERIFIED = "01a204ef-036f-7e25-b1a5-000000000002"
SECRET = jwt({"sub": "secret"})
DOCUMENTED = {0, 1, 2, 3, 4, 5, 130, 141}

Play = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def play(home: Path) -> Iterator[Play]:
    """Runs a case, which has the given values and is harmless otherwise."""
    command = [sys.executable, "-m", "tests.mayfly.hostile_process"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(*words: str, **changes: Any) -> dict[str, Any]:
            environ = {"MAYFLY_URL": URL, "XDG_CONFIG_HOME": str(home / "config"), "PATH": os.environ["PATH"]}
            harmless = {
                **dict.fromkeys(("stdin", "stdout", "stderr"), "file"),
                "auth": "none",
                "encoding": "utf-8",
                "odd": None,
                "log": ["one"],
                "filename": "letter.txt",
            }
            case = {**harmless, "words": words, "folder": str(home), **changes}
            case["environ"] = {**environ, **changes.get("environ", {})}
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            found: dict[str, Any] = json.loads(process.stdout.readline())
            return found

        yield run
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "utf-16"])
def test_what_an_encoding_does_not_have_is_substituted_and_json_stays_exact(play: Play, encoding: str) -> None:
    name = "\u30c6\u20ac.txt"
    assert play("show", JOB, encoding=encoding, filename=name)["code"] == 0
    shown = play("show", JOB, "--json", encoding=encoding, filename=name)
    assert json.loads(shown["stdout"].encode("latin-1").decode(encoding))["filename"] == name


def test_a_pipe_that_closes_early_is_no_failed_job(play: Play) -> None:
    long = ["x" * 1000] * 200
    for words in (("log", JOB), ("log", JOB, "--json"), ("jobs",), ("--help",), ("jobs", "--help"), ("--version",)):
        assert play(*words, stdout="gone", log=long)["code"] == 141, words
    assert play("download", JOB, "-o", "-", stdout="gone")["code"] == 141
    assert play("show", "nothing", stderr="gone")["code"] in {2, 141}


def test_a_full_disk_is_said(play: Play) -> None:
    done = play("jobs", stdout="full")
    assert (done["code"], "No space left" in done["stderr"]) == (3, True)


def test_without_standard_output_a_result_is_not_fetched_into_nothing(play: Play) -> None:
    done = play("download", JOB, "-o", "-", stdout="closed")
    assert (done["code"], "Standard output is closed" in done["stderr"], done["requests"]) == (2, True, [])
    assert play("jobs", stdout="closed")["code"] == 0


def test_the_text_cannot_come_from_a_closed_input(play: Play, home: Path) -> None:
    (home / "letter.txt").write_bytes(b"content")
    done = play("submit", "letter.txt", "--text-file", "-", stdin="closed")
    assert (done["code"], "Standard input is closed" in done["stderr"]) == (2, True)


@pytest.mark.parametrize("proxy", ["socks5://alice:hidden@proxy:1080", "gopher://alice:hidden@x", "http://[::hidden"])
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable_without_its_password(play: Play, proxy: str) -> None:
    done = play("jobs", environ={"ALL_PROXY": proxy})
    assert (done["code"], "ALL_PROXY" in done["stderr"], "hidden" in done["stderr"]) == (2, True, False)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_none_are_named_by_variable_and_file(play: Play, home: Path, name: str) -> None:
    if name == "SSL_CERT_DIR":
        assert play("jobs", environ={name: "/nowhere"})["code"] in {0, 2, 3}, "OpenSSL takes any folder"
        return
    (home / "empty.pem").write_bytes(b"")
    for file in ("/nowhere/ca.pem", str(home / "empty.pem")):
        done = play("jobs", environ={name: file})
        assert (done["code"], f"{name} names {file}" in done["stderr"]) == (2, True)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "id",
        "status",
        "filename",
        "size",
        "timeline",
        "created_at",
        "cost",
        "error",
        "jobs",
        "next_cursor",
        "url",
        "lines",
    ]
)
ODD = st.none() | st.fixed_dictionaries(
    {
        "at": st.sampled_from(
            ["", "/config.json", "/limits", "/jobs", JOB, "/log", "/output", "/uploads", "/manifest"]
        ),
        "status": st.sampled_from([200, 200, 201, 204, 302, 400, 401, 404, 409, 503]),
        "body": st.one_of(
            VALUES.map(json.dumps),
            st.dictionaries(FIELDS, VALUES, max_size=6).map(json.dumps),
            st.sampled_from(["", "<html>", "[" * 100_000, "NaN", f'{{"detail": "refused: {SECRET}"}}', "\ud800"]),
        ),
    }
)
ANYTHING = st.text(st.characters(exclude_characters="\0"), max_size=30) | st.sampled_from(
    [
        "",
        " ",
        "-",
        "--",
        "/",
        "..",
        "results/",
        "\udcff.txt",
        "x" * 300,
        "\u30c6" * 85,
        JOB,
        JOB[:5],
        "there.txt",
        "link",
    ]
)
WORDS = st.one_of(
    st.sampled_from(
        [
            *(["jobs"], ["jobs", "--json"], ["jobs", "--all"], ["show", JOB], ["show", FAILED, "--json"], ["whoami"]),
            *(["log", JOB], ["log", JOB, "--follow", "--json"], ["download", JOB, "-o", "-"], ["verify", VERIFIED]),
            *(["download", JOB, "-o", "there.txt"], ["download", JOB, "-o", "link"], ["wait", FAILED], ["logout"]),
            *(
                ["submit", "letter.txt", "--text", "x", "--wait"],
                ["submit", "letter.txt", "--text", "x", "-o", "results/"],
            ),
            *(["cancel", FAILED], ["retry", FAILED], ["delete", JOB], ["login", "--no-browser"], [], ["--help"]),
            *(["jobs", "--status", "failed", "--name", "[", "--batch", "all"], ["watch"], ["watch", "--batch", "all"]),
            *(["watch", "--batch", "all", "--json", "--timeout", "0"], ["retry", "--failed", "--batch", "all"]),
            *(["retry", "--failed", "--batch", "all", "--json"], ["download", "--batch", "all"], ["--show-completion"]),
            *(["download", "--batch", "all", "-o", ".", "--json"], ["download", "--batch", "all", "-o", "results/"]),
            ["submit", "letter.txt", "there.txt", "--text", "x", "-o", ".", "--json"],
            *(["--version"], ["verify", JOB, "--json"], ["submit", "letter.txt", "--text-file", "-", "--json"]),
        ]
    ),
    st.tuples(
        st.sampled_from(["show", "log", "wait", "download", "cancel", "retry", "delete", "verify", "login"]), ANYTHING
    ).map(list),
    st.tuples(st.sampled_from(["jobs", "watch", "download", "retry"]), st.just("--batch"), ANYTHING).map(list),
    st.tuples(st.just("jobs"), st.just("--name"), ANYTHING).map(list),
    st.tuples(st.just("download"), st.just("--batch"), st.just("all"), st.just("-o"), ANYTHING).map(list),
    st.tuples(st.just("submit"), ANYTHING, st.just("--text"), ANYTHING).map(list),
    st.tuples(st.just("download"), st.just(JOB), st.just("-o"), ANYTHING).map(list),
)
ENVIRON = st.dictionaries(
    st.sampled_from(
        [
            *("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "TERM", "COLUMNS", "LINES"),
            *("MAYFLY_TOKEN_COMMAND", "MAYFLY_TOKEN", "MAYFLY_URL", "XDG_CONFIG_HOME", "HOME", "TZ", "LC_ALL"),
            *("NO_COLOR", "FORCE_COLOR", "LANGUAGE", "TTY_COMPATIBLE", "_MAYFLY_COMPLETE"),
        ]
    ),
    st.text(st.characters(exclude_characters="\0"), max_size=12)
    | st.sampled_from(
        [
            *(
                "",
                "0",
                "-1",
                "1",
                "dumb",
                "socks5://proxy",
                "http://proxy:80",
                "http://[",
                "C",
                "de_DE.ISO-8859-1",
                "/dev/null",
            ),
            *("false", "echo a b", "printf the-token", "/dev/null/x", "http://example.org", f"{SECRET}\r", SECRET, URL),
        ]
    ),
    max_size=4,
)
OUT = st.sampled_from(["file", "file", "closed", "full", "gone"])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    words=WORDS,
    environ=ENVIRON,
    odd=ODD,
    auth=st.sampled_from(["none", "cognito"]),
    encoding=st.sampled_from(["utf-8", "ascii", "cp1252", "utf-16", "cp037", "shift_jis"]),
    stdin=st.sampled_from(["file", "closed"]),
    stdout=OUT,
    stderr=OUT,
    filename=ANYTHING,
)
def test_every_command_ends_as_documented(play: Play, home: Path, **case: Any) -> None:
    folder = home / "work"
    folder.mkdir(exist_ok=True)
    (folder / "letter.txt").write_bytes(b"content")
    (folder / "there.txt").write_bytes(b"mine")
    (folder / "link").unlink(missing_ok=True)
    (folder / "link").symlink_to("there.txt")
    words = case.pop("words")
    done = play(*words, folder=str(folder), **case)
    assert done["code"] in DOCUMENTED, done
    printed = done["stdout"] + done["stderr"]
    assert done["traceback"] == ""
    assert "Traceback" not in printed
    holders = [name for name, value in case["environ"].items() if SECRET in value]
    if holders == ["MAYFLY_TOKEN"]:
        assert SECRET not in done["stderr"]
    assert (folder / "there.txt").read_bytes() == b"mine"
    assert (folder / "link").is_symlink()
    for url, authorization in done["requests"]:
        assert authorization is None or url.startswith(URL)
        assert url.startswith((URL, BUCKET, POOL)) or authorization is None
