"""What people have reported of other clients, tried on this one: nothing lost, overwritten, sent or told by mistake."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from mayfly.context import Context
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import URL, FakeStack, is_output
from tests.stack.user_pool import OWNER, UserPool, jwt

TOKEN = jwt({"sub": OWNER})


pytestmark = pytest.mark.usefixtures("folder")


def of_program(here: Context, **environ: str) -> Context:
    return replace(here, environ=environ)


def test_a_result_is_written_to_a_fifo_which_stays_one(run: Run, stack: FakeStack, folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((folder / "fifo").read_bytes()))
    reader.start()
    done = run("download", stack.add().id, "-o", "fifo", "--force")
    assert done.exit_code == 0, done.output
    assert stat.S_ISFIFO((folder / "fifo").lstat().st_mode)
    reader.join(timeout=60)
    assert read == [b"the result"]


def test_a_link_stays_a_link_and_what_it_names_is_replaced_if_forced(run: Run, stack: FakeStack, folder: Path) -> None:
    (folder / "file").write_bytes(b"before")
    (folder / "link").symlink_to("file")
    (folder / "dangling").symlink_to("new")
    job = stack.add()
    for name in ("link", "dangling"):
        assert run("download", job.id, "-o", name).exit_code == 2
    assert (folder / "file").read_bytes() == b"before"
    for name, named in (("link", "file"), ("dangling", "new")):
        assert run("download", job.id, "-o", name, "--force").exit_code == 0
        assert ((folder / name).is_symlink(), (folder / named).read_bytes()) == (True, b"the result")


def test_a_folder_that_is_missing_is_no_file_of_that_name(run: Run, stack: FakeStack, folder: Path) -> None:
    done = run("download", stack.add().id, "-o", "results/")
    assert (done.exit_code, "mkdir results/" in done.stderr, list(folder.iterdir())) == (2, True, [])


def test_a_file_that_appears_while_the_job_runs_is_kept(run: Run, stack: FakeStack, source: Path, folder: Path) -> None:
    def appear(request: httpx.Request) -> None:
        if is_output(request):
            (folder / "race.txt").write_bytes(b"mine")

    stack.trouble.append(appear)
    done = run("submit", source, "--text", "x", "-o", "race.txt")
    assert (done.exit_code, "mayfly download 01a2" in done.stderr) == (2, True)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("race.txt", b"mine")]
    assert run("submit", source, "--text", "x", "-o", "race.txt", "--force").exit_code == 0
    assert (folder / "race.txt").read_bytes() == b"the result"


def test_a_file_system_without_hard_links_loses_nothing(
    run: Run, stack: FakeStack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    assert run("download", stack.add().id, "-o", "new.txt").exit_code == 0
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("new.txt", b"the result")]


@pytest.mark.parametrize("name", ["\u30c6" * 80 + ".txt", "x" * 255])
def test_the_longest_name_that_a_file_system_takes_is_saved(
    run: Run, stack: FakeStack, folder: Path, name: str
) -> None:
    assert run("download", stack.add(filename=name).id).exit_code == 0
    assert (folder / name).read_bytes() == b"the result"


def test_a_name_that_is_too_long_is_said_before_anything_is_sent(run: Run, stack: FakeStack, folder: Path) -> None:
    (folder / ("\u30c6" * 80)).write_bytes(b"")
    stack.set_constant("functions.api.routes.MAX_FILENAME_BYTES", 200)
    done = run("submit", "\u30c6" * 80, "--text", "x")
    assert (done.exit_code, "240 bytes; at most 200" in done.stderr, stack.files) == (2, True, {})
    too_long = run("download", stack.add(filename="x" * 256).id)
    assert (too_long.exit_code, "-o FILE" in too_long.stderr) == (2, True)


def test_a_job_whose_file_is_called_like_the_stream_is_saved(run: Run, stack: FakeStack, folder: Path) -> None:
    done = run("download", stack.add(filename="-").id)
    assert (done.exit_code, done.stdout, (folder / "-").read_bytes()) == (0, "Saved as -\n", b"the result")
    assert run("download", stack.add().id, "-o", "./-", "--force").stdout == "Saved as -\n"


def test_a_file_that_is_replaced_keeps_its_mode(run: Run, stack: FakeStack, folder: Path) -> None:
    (folder / "private").write_bytes(b"")
    (folder / "private").chmod(0o600)
    assert run("download", stack.add().id, "-o", "private", "--force").exit_code == 0
    assert stat.S_IMODE((folder / "private").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "given", ["", " ", "-", "0", "01a", "../limits", f"{'0' * 36}?owner=x", "x" * 40, "\udcff" * 36]
)
def test_what_is_no_part_of_an_id_names_no_job(run: Run, stack: FakeStack, given: str) -> None:
    for command in ("show", "cancel", "retry", "delete", "download", "wait", "log", "verify"):
        done = run(command, "--", given)
        assert (done.exit_code, "is not a job ID" in done.stderr, stack.calls) == (2, True, []), command


def test_an_id_is_taken_as_it_is_copied(run: Run, stack: FakeStack) -> None:
    job = stack.add()
    assert document(run("show", f" {job.id.upper()}\n", "--json"))["id"] == job.id


def test_a_token_with_a_line_end_works_as_without(run: Run, stack: FakeStack, here: Context) -> None:
    stack.sign_in_by(UserPool()).valid.add(TOKEN)
    assert run("jobs", here=of_program(here, MAYFLY_TOKEN=f"{TOKEN}\r\n")).exit_code == 0


@pytest.mark.parametrize("token", [f"{TOKEN}\r{TOKEN}", f"Bearer {TOKEN}", f"{TOKEN}\u20ac", f"{TOKEN}\x00"])
def test_a_token_that_is_none_is_named_by_its_variable_and_not_told(
    run: Run, stack: FakeStack, here: Context, token: str
) -> None:
    done = run("jobs", here=of_program(here, MAYFLY_TOKEN=token))
    assert (done.exit_code, stack.calls) == (2, [])
    assert "MAYFLY_TOKEN" in done.stderr
    assert TOKEN[:20] not in done.output


def test_a_server_that_repeats_a_token_does_not_get_it_printed(run: Run, stack: FakeStack, here: Context) -> None:
    stack.sign_in_by(UserPool())
    refusal = httpx.Response(403, json={"code": "denied", "detail": f"{TOKEN} is denied."})
    stack.trouble.append(lambda request: refusal if request.url.path == "/api/jobs" else None)
    done = run("jobs", here=of_program(here, MAYFLY_TOKEN=TOKEN))
    assert (done.exit_code, done.stderr) == (3, "error: [token] is denied. (403 denied)\n")


@pytest.mark.parametrize("content", ["{}", "[]", '{"auth": "basic"}', '{"auth": "cognito"}', "<html>", "[" * 10**5])
def test_a_token_goes_to_nothing_that_has_not_shown_itself_to_be_a_stack(
    run: Run, stack: FakeStack, here: Context, content: str
) -> None:
    stack.trouble.append(lambda _: httpx.Response(200, content=content))
    for command in ("jobs", "whoami", "login"):
        done = run(command, here=of_program(here, MAYFLY_TOKEN=TOKEN))
        assert (done.exit_code, "is not a Mayfly stack" in done.stderr) == (3, True)
    assert all("authorization" not in request.headers for request in stack.requests)


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"jobs": [{}]}', '{"jobs": 1}', "5", '{"jobs": [], "next_cursor": 5}', "<html>"]
)
def test_another_server_that_answers_is_named(run: Run, stack: FakeStack, content: str) -> None:
    stack.trouble.append(lambda _: httpx.Response(200, content=content))
    for words in (["jobs"], ["show", "01a204ef-036f-7e25-b1a5-000000000000"], ["whoami"], ["log", "01a2"]):
        done = run(*words)
        assert (done.exit_code, f"What answers at {URL} is not a Mayfly stack" in done.stderr) == (3, True), done.output


def test_a_redirect_is_not_followed_and_named(run: Run, stack: FakeStack) -> None:
    stack.trouble.append(lambda _: httpx.Response(302, headers={"location": "https://other.example.org/"}))
    done = run("jobs")
    assert (done.exit_code, "is not a Mayfly stack" in done.stderr) == (3, True)
    assert {request.url.host for request in stack.requests} == {"stack.example.org"}


def test_a_file_is_not_sent_where_others_could_read_it(run: Run, stack: FakeStack, source: Path) -> None:
    ticket = {"job_id": "x", "upload": {"url": "http://bucket.example.org/form", "fields": {}}, "multipart": None}
    stack.trouble.append(lambda each: httpx.Response(201, json=ticket) if each.url.path == "/api/uploads" else None)
    assert run("submit", source, "--text", "x").exit_code == 3
    assert {request.url.scheme for request in stack.requests} == {"https"}


def test_progress_that_was_rewritten_is_shown_as_it_ended(run: Run, stack: FakeStack) -> None:
    states = [f"{percent}%" for percent in range(101)]
    job = stack.add()
    job.print("\r".join(states), "\r".join(states) + "\r", "plain\r", "")
    shown = run("log", job.id).stdout.splitlines()
    assert [line[21:] for line in shown] == ["100%", "100%", "plain", ""]


def test_a_command_gives_a_new_token_when_the_one_before_is_over(
    run: Run, stack: FakeStack, here: Context, source: Path, folder: Path
) -> None:
    """A quarter of an hour is shorter than many jobs, in CI too."""
    pool, stack.looks = stack.sign_in_by(UserPool()), 5
    tokens = folder / "tokens"
    tokens.write_text("first\nsecond\n")
    pool.valid = {"first"}

    def end(_: httpx.Request) -> None:
        if stack.looks == 2:
            pool.valid = {"second"}

    stack.trouble.append(end)
    command = f"sh -c 'head -n 1 {tokens}; sed -i 1d {tokens}'"
    done = run("submit", source, "--text", "x", "--wait", here=of_program(here, MAYFLY_TOKEN_COMMAND=command))
    assert done.exit_code == 0, done.output
    assert "succeeded" in done.stdout


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        ("sh -c 'echo hidden; exit 4'", 3, "failed with exit code 4"),
        ("echo hidden word", 3, "one access token"),
        ("true", 3, "one access token"),
        ("/nowhere/command", 2, "cannot be started"),
        ("'", 2, "cannot be started"),
    ],
)
def test_a_command_that_gives_no_token_is_named_without_what_it_printed(
    run: Run, stack: FakeStack, here: Context, command: str, code: int, reason: str
) -> None:
    stack.sign_in_by(UserPool())
    done = run("jobs", here=of_program(here, MAYFLY_TOKEN_COMMAND=command))
    assert (done.exit_code, reason in done.stderr, "MAYFLY_TOKEN_COMMAND" in done.stderr) == (code, True, True)
    assert "hidden" not in done.output


def test_a_refused_token_of_a_program_is_not_sent_again_and_the_remedy_is_named(
    run: Run, stack: FakeStack, here: Context
) -> None:
    stack.sign_in_by(UserPool())
    done = run("jobs", here=of_program(here, MAYFLY_TOKEN="over"))
    assert (done.exit_code, "MAYFLY_TOKEN_COMMAND" in done.stderr) == (3, True)
    assert stack.calls == ["GET /config.json", "GET /api/jobs"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"{", b"[]", b'{"url": 5, "people": {}}', b'{"url": null, "people": []}', b"\xff", b"[" * 100_000),
        b'{"url": null, "people": {"https://stack.example.org": {"access_ends_at": "never"}}}',
    ],
)
def test_a_config_file_of_another_form_names_itself(run: Run, here: Context, content: bytes) -> None:
    here.config_folder.mkdir()
    here.file.path.write_bytes(content)
    for command in ("jobs", "whoami", "logout", "login"):
        done = run(command)
        assert (done.exit_code, f"{here.file.path} cannot be read. Remove it" in done.stderr) == (2, True), done.output


def test_a_folder_for_the_config_that_cannot_be_made_is_named(run: Run, here: Context, source: Path) -> None:
    done = run("login", here=replace(here, config_folder=source / "mayfly"))
    assert (done.exit_code, "config.json cannot be" in done.stderr) == (2, True), done.output


def test_a_browser_that_cannot_be_started_is_none(
    run: Run, stack: FakeStack, here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mayfly.session.SIGN_IN_SECONDS", 0.01)

    def fail(_: str) -> bool:
        raise IndexError("the variable BROWSER is a blank")

    stack.sign_in_by(UserPool())
    done = run("login", here=replace(here, open_browser=fail))
    assert (done.exit_code, "Open this in a browser" in done.stderr) == (3, True)
