"""Who is signed in at a stack, and their tokens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx2 as httpx

from mayfly import shapes
from mayfly.config_file import Config, ConfigFile, SignedIn
from mayfly.errors import JobApiError, NotAStack, SignInProblem, UsageProblem
from mayfly.http_client import http_client
from mayfly.retry import ATTEMPTS, with_retries
from mayfly.user_pool import PoolSettings, TokenRefused, Tokens, UserPool

SIGN_IN_SECONDS = 300.0
# A request may take a while to get to where its token is checked.
RENEW_BEFORE_END_SECONDS = 60.0
TIMEOUT_SECONDS = 15.0


class Session:
    """A user's sign-in at one stack, kept in the config file."""

    def __init__(self, url: str, file: ConfigFile, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url
        self._file = file
        self._transport = transport

    @property
    def person(self) -> SignedIn | None:
        return self._file.read().people.get(self._url)

    def settings(self) -> PoolSettings | None:
        """The stack's sign-in settings; None where it has no sign-in.

        Raises:
            NotAStack: something else answers there.
            JobApiError: the stack is out of order.
            SignInProblem: it names addresses that no password may be sent to.
        """
        site = self.site()
        return None if site["auth"] == "none" else PoolSettings.from_json(site)

    def site(self) -> dict[str, Any]:
        """The stack's config.json, asked for without any token: `{auth, domain, ...}`.

        Raises:
            NotAStack: something else answers there.
            JobApiError: the stack is out of order.
        """
        with http_client(self._url, timeout=TIMEOUT_SECONDS, transport=self._transport) as http:
            answer = with_retries(lambda: http.get(f"{self._url}/config.json"), ATTEMPTS)
        if answer.is_server_error:
            raise JobApiError(answer)
        try:
            site: dict[str, Any] = answer.raise_for_status().json()
        except (httpx.HTTPStatusError, ValueError, RecursionError) as error:
            raise NotAStack(self._url) from error
        if not shapes.fits(site, shapes.SITE):
            raise NotAStack(self._url)
        return site

    def sign_in(self, settings: PoolSettings | None, show: Callable[[str, str], None]) -> SignedIn | None:
        """Signs the user in, and saves that and the stack's address; None where the stack has no sign-in.

        Args:
            settings: of `settings`.
            show: called with the address that a browser has to open, and the one here that it comes back to.

        Raises:
            SignInProblem: it did not work.
        """
        person = self._through_browser(settings, show) if settings else None
        self._file.change(lambda config: config.with_stack(self._url, person))
        return person

    def sign_out(self) -> bool:
        """Removes the sign-in, then revokes its refresh token; False if there was none.

        Raises:
            SignInProblem: the sign-in is removed, but the token could not be revoked.
        """
        person = self.person
        if person is None:
            return False
        self._file.change(lambda config: config.without(self._url))
        try:
            self._pool(person).revoke(person.refresh_token)
        except SignInProblem as error:
            raise SignInProblem(
                f"{error} You are signed out on this computer, but a copy of the token would work until it is over."
            ) from error
        return True

    def tokens(self) -> Callable[[], str] | None:
        """Gives an access token, at the first call the one that is kept if that is good still; None without sign-in."""
        if self.person is None:
            return None
        is_first = True

        def token() -> str:
            nonlocal is_first
            person = self.person
            if person is None:
                raise SignInProblem(signed_out_text(self._url))
            kept = person if is_first and person.access_ends_at - RENEW_BEFORE_END_SECONDS > time.time() else None
            is_first = False
            return (kept or self._renewed(person)).access_token

        return token

    def _through_browser(self, settings: PoolSettings, show: Callable[[str, str], None]) -> SignedIn:
        pool = UserPool(settings.domain, settings.client_id, self._transport)
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        from mayfly.loopback import Loopback  # noqa: PLC0415 - a server, which only this needs

        with Loopback(settings.redirect_uris, state) as loopback:
            uri = loopback.redirect_uri
            show(pool.sign_in_address(uri, settings.scope, state, verifier), uri)
            code = loopback.code(SIGN_IN_SECONDS)
        try:
            tokens = pool.exchange(code, verifier, uri)
        except TokenRefused as error:
            raise SignInProblem(f"The sign-in took too long ({error}). Try again: mayfly login {self._url}") from error
        if tokens.refresh is None:
            raise SignInProblem("The sign-in service gave no refresh token: this stack's client is not set up for it.")
        return SignedIn(
            settings.domain,
            settings.client_id,
            tokens.owner,
            tokens.email,
            tokens.refresh,
            tokens.access,
            time.time() + tokens.seconds,
        )

    def _renewed(self, person: SignedIn) -> SignedIn:
        try:
            tokens = self._pool(person).renew(person.refresh_token)
        except TokenRefused as error:
            raise SignInProblem(signed_out_text(self._url)) from error
        renewed = _with(person, tokens)

        def renew(config: Config) -> Config:
            is_signed_out = self._url not in config.people  # meanwhile
            return config if is_signed_out else config.with_person(self._url, renewed)

        with suppress(UsageProblem):  # a read-only folder: this command has its token all the same
            self._file.change(renew)
        return renewed

    def _pool(self, person: SignedIn) -> UserPool:
        return UserPool(person.domain, person.client_id, self._transport)


def signed_out_text(url: str) -> str:
    return f"You are not signed in at {url}, or the sign-in is over. Sign in: mayfly login {url}"


def _with(person: SignedIn, tokens: Tokens) -> SignedIn:
    return replace(
        person,
        access_token=tokens.access,
        access_ends_at=time.time() + tokens.seconds,
        refresh_token=tokens.refresh or person.refresh_token,
    )
