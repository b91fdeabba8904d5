"""Signing in through the browser, which a plain request stands in for, and the tokens that are kept."""

from __future__ import annotations

import json
import re
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from typer.testing import Result

from mayfly.config_file import ConfigFile, SignedIn
from mayfly.context import Context
from mayfly.errors import SignInProblem
from mayfly.http_client import http_client
from mayfly.loopback import Loopback
from tests import web
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import URL, FakeStack
from tests.stack.user_pool import COMMAND_LINE, OWNER, UserPool, jwt


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Browser:
    """Comes back to the loopback address with what a test wants it to; `pages` are those it saw there."""

    def __init__(self, stack: FakeStack) -> None:
        self.stack = stack
        self.brings: dict[str, str] = {"code": "the-code"}
        self.strays: list[str] = []
        self._pages: list[httpx.Response] = []
        self._threads: list[threading.Thread] = []

    def open(self, address: str) -> bool:
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert query["client_id"] == COMMAND_LINE
        self.stack.user_pool.codes["the-code"] = query
        back = query["redirect_uri"]
        answer = {"state": query["state"], **self.brings}
        self._threads.append(threading.Thread(target=self._come_back, args=(back, answer)))
        self._threads[-1].start()
        return True

    def _come_back(self, back: str, answer: dict[str, str]) -> None:
        with http_client(back, timeout=60) as http:
            self._pages = [http.get(httpx.URL(back).join(stray)) for stray in self.strays]
            self._pages.append(http.get(back, params=answer))

    @property
    def pages(self) -> list[httpx.Response]:
        """All of them: the command may end before the last one has got here."""
        self.close()
        return self._pages

    def close(self) -> None:
        for thread in self._threads:
            thread.join(timeout=120)
            assert not thread.is_alive()


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    pool = UserPool(redirect_uris=[f"http://127.0.0.1:{free_port()}/signed-in" for _ in range(3)])
    with closing(FakeStack(pool)) as made:
        yield made


@pytest.fixture
def browser(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    monkeypatch.setattr("mayfly.session.SIGN_IN_SECONDS", 120)
    with closing(Browser(stack)) as opened:
        yield opened


@pytest.fixture
def here(stack: FakeStack, browser: Browser, tmp_path: Path) -> Context:
    return Context(stack.transport, tmp_path / "config", browser.open, {})


def kept(here: Context) -> dict[str, str]:
    found: dict[str, str] = json.loads(here.file.path.read_text())["people"][URL]
    return found


def said(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (3, "")
    return result.stderr


def test_a_user_signs_in_and_is_known_from_then_on(run: Run, here: Context, browser: Browser) -> None:
    told = document(run("login", "--json"))
    assert told == {"url": URL, "auth": "cognito", "owner": OWNER, "email": "alice@example.com"}
    assert document(run("whoami", "--json", url="")) == told, "the address is kept too"
    assert stat.S_IMODE(here.file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(here.config_folder.stat().st_mode) == 0o700
    assert "go back to the terminal" in browser.pages[-1].text
    assert browser.pages[-1].headers["cache-control"] == "no-store"


def test_the_address_is_printed_where_no_browser_shall_open_or_none_does(
    run: Run, here: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_to_open(address: str) -> bool:
        opened.append(address)
        return False

    opened: list[str] = []
    monkeypatch.setattr("mayfly.session.SIGN_IN_SECONDS", 0.01)
    for words in (["login", "--no-browser"], ["login"]):
        told = said(run(*words, here=replace(here, open_browser=none_to_open)))
        assert re.search(r"^https://pool\.example\.org/oauth2/authorize\?\S+$", told, re.MULTILINE)
        assert "ssh -L" in told
    assert len(opened) == 1


def test_a_caller_with_another_state_is_rejected_and_the_sign_in_goes_on(run: Run, browser: Browser) -> None:
    browser.strays = ["/signed-in?code=forged&state=guessed", "/signed-in", "/favicon.ico"]
    assert run("login").exit_code == 0
    assert [page.status_code for page in browser.pages] == [400, 400, 404, 200]


def test_a_refused_sign_in_is_told_in_the_pools_words(run: Run, browser: Browser, here: Context) -> None:
    browser.brings = {"error": "access_denied", "error_description": "Not today"}
    assert "The sign-in was refused. The sign-in page says: Not today" in said(run("login"))
    assert not here.file.path.exists()


def test_a_code_is_worthless_to_a_client_that_did_not_ask_for_it(run: Run, stack: FakeStack, browser: Browser) -> None:
    browser.brings = {"code": "of-another-sign-in"}
    stack.user_pool.codes["of-another-sign-in"] = {"code_challenge": "of another verifier"}
    assert "took too long (invalid_grant). Try again: mayfly login" in said(run("login"))


def test_the_wait_ends_when_no_sign_in_comes(run: Run, here: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mayfly.session.SIGN_IN_SECONDS", 0.01)
    assert "The sign-in was not completed in time" in said(
        run("login", here=replace(here, open_browser=lambda _: True))
    )


def test_the_next_port_is_taken_where_one_is_busy_and_all_are_named_where_all_are(stack: FakeStack) -> None:
    with closing(socket.socket()) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = f"http://127.0.0.1:{busy.getsockname()[1]}/signed-in"
        with Loopback([taken, *stack.user_pool.redirect_uris], "state") as loopback:
            assert loopback.redirect_uri in stack.user_pool.redirect_uris
        with pytest.raises(SignInProblem, match=str(busy.getsockname()[1])):
            Loopback([taken], "state")


@pytest.fixture
def has_ipv6() -> None:
    try:
        with closing(socket.socket(socket.AF_INET6)) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")


# https://github.com/giantswarm/muster/issues/1280: browsers may go to [::1] first, where another program had the port;
# https://github.com/coralogix/cx-cli/pull/151: or where nothing answered.
@pytest.mark.usefixtures("has_ipv6")
def test_a_port_that_another_program_has_for_ipv6_alone_is_not_taken(stack: FakeStack) -> None:
    with closing(socket.socket(socket.AF_INET6)) as busy:
        busy.bind(("::1", 0))
        busy.listen()
        taken = f"http://localhost:{busy.getsockname()[1]}/signed-in"
        with Loopback([taken, *stack.user_pool.redirect_uris], "state") as loopback:
            assert loopback.redirect_uri in stack.user_pool.redirect_uris


@pytest.mark.usefixtures("has_ipv6")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_the_redirect_is_answered_whichever_address_a_browser_takes_localhost_for(stack: FakeStack, host: str) -> None:
    with Loopback(stack.user_pool.redirect_uris, "state") as loopback:
        port = urlsplit(loopback.redirect_uri).port
        page = web.get(f"http://{host}:{port}/signed-in?state=state&code=c")
        assert (page.status_code, loopback.code(1)) == (200, "c")


def test_a_stack_cannot_have_the_code_sent_to_another_computer(run: Run, stack: FakeStack) -> None:
    stack.user_pool.redirect_uris = ["http://evil.example.org:80/signed-in"]
    assert "must not be typed into" in said(run("login"))


def test_a_token_that_is_over_is_renewed_and_kept(run: Run, stack: FakeStack, here: Context) -> None:
    stack.user_pool.lives_seconds = 30
    assert run("login").exit_code == 0
    before = kept(here)
    assert run("jobs").exit_code == 0
    assert kept(here)["access_token"] != before["access_token"]
    assert kept(here)["refresh_token"] != before["refresh_token"], "a new one is taken where the pool gives one"


def test_a_token_that_is_good_still_is_used_as_it_is(run: Run, stack: FakeStack) -> None:
    assert run("login").exit_code == 0
    stack.requests.clear()
    assert run("jobs").exit_code == 0
    assert stack.calls == ["GET /api/jobs"]


def test_a_token_that_the_api_refuses_is_renewed_once(run: Run, stack: FakeStack) -> None:
    assert run("login").exit_code == 0
    stack.user_pool.valid.clear()
    assert run("jobs").exit_code == 0
    stack.requests.clear()
    stack.trouble.append(lambda request: httpx.Response(401) if request.url.path == "/api/jobs" else None)
    assert f"Sign in: mayfly login {URL}" in said(run("jobs"))
    assert stack.calls == ["GET /api/jobs", "POST /oauth2/token", "GET /api/jobs"]


def test_a_sign_in_that_is_over_says_how_to_begin_another(run: Run, stack: FakeStack) -> None:
    assert run("login").exit_code == 0
    stack.user_pool.valid.clear()
    stack.user_pool.refresh_tokens.clear()
    assert f"Sign in: mayfly login {URL}" in said(run("jobs"))


def test_signing_out_revokes_the_token_and_forgets_it(run: Run, stack: FakeStack, here: Context) -> None:
    assert run("login").exit_code == 0
    assert document(run("logout", "--json")) == {"url": URL, "signed_out": True}
    assert stack.user_pool.refresh_tokens == {}
    assert json.loads(here.file.path.read_text()) == {"url": URL, "people": {}}
    assert document(run("logout", "--json"))["signed_out"] is False
    assert "You are not signed in" in said(run("whoami"))


def test_signing_out_forgets_the_token_even_where_it_cannot_be_revoked(
    run: Run, stack: FakeStack, here: Context
) -> None:
    assert run("login").exit_code == 0
    stack.trouble.append(lambda _: httpx.Response(503))
    assert "a copy of the token would work" in said(run("logout"))
    assert json.loads(here.file.path.read_text())["people"] == {}


def test_a_programs_own_token_is_sent_as_it_is(run: Run, stack: FakeStack, here: Context) -> None:
    token = jwt({"sub": OWNER})
    stack.user_pool.valid.add(token)
    of_program = replace(here, environ={"MAYFLY_TOKEN": token})
    told = document(run("whoami", "--json", here=of_program))
    assert told == {"url": URL, "auth": "MAYFLY_TOKEN", "owner": OWNER, "email": None}


def test_a_token_goes_to_no_other_stack(run: Run, stack: FakeStack) -> None:
    assert run("login").exit_code == 0
    stack.requests.clear()
    stack.trouble.append(lambda _: httpx.Response(401))
    assert run("jobs", url="https://other.example.org").exit_code == 3
    assert all("authorization" not in request.headers for request in stack.requests)


def test_a_stack_without_sign_in_works_without_tokens(run: Run, stack: FakeStack) -> None:
    stack.pool = None
    assert document(run("whoami", "--json"))["auth"] == "none"
    assert document(run("login", "--json")) == {"url": URL, "auth": "none", "owner": None, "email": None}
    assert run("jobs", url="").exit_code == 0


# https://github.com/kontena/kontena/issues/2659: commands at two stacks renew their tokens, and one of them is lost.
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such lock")
def test_what_several_commands_keep_at_once_is_all_kept(here: Context) -> None:
    stacks = [f"https://{number}.example.org" for number in range(40)]
    person = SignedIn("d", "c", "o", "e", "r", "a", 0.0)

    def keep(url: str) -> None:
        ConfigFile(here.config_folder).change(lambda config: config.with_person(url, person))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, stacks))
    assert sorted(ConfigFile(here.config_folder).read().people) == sorted(stacks)
