"""People who can sign in, for tests and the curious: how they do it, and the tokens that it gives them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from ministack.core.responses import request_scope
from ministack.services import cognito

from localcloud.emulator.settings import Settings

_FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class AppClient:
    """The app client that the page signs people in with, and an address of it that they come back to."""

    client_id: str
    redirect_uri: str
    scope: str


@dataclass(frozen=True)
class User:
    username: str
    password: str


class SignInFailedError(RuntimeError):
    """The emulated Cognito did not let a known user in; the message is its answer."""


class LocalUsers:
    """Users by short names, such as `alice`; empty until `let_in` has set them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AppClient | None = None
        self._users: dict[str, User] = {}

    @property
    def has_sign_in(self) -> bool:
        return self._client is not None

    def let_in(self, client: AppClient, users: dict[str, User]) -> None:
        self._client, self._users = client, users

    def to_json(self) -> dict[str, dict[str, str]]:
        return {name: asdict(user) for name, user in self._users.items()}

    async def access_token(self, name: str) -> str | None:
        """A new token, by the authorization code grant with PKCE, as the page does it; None for an unknown name.

        Raises:
            SignInFailedError: the password does not do any more, for instance.
        """
        if self._client is None or name not in self._users:
            return None
        verifier = secrets.token_urlsafe(48)
        home = self._settings.home_scope
        with request_scope(home.account_id, home.region):
            code = _authorization_code(self._client, self._users[name], verifier)
            return await _exchanged(self._client, code, verifier)


def _authorization_code(client: AppClient, user: User, verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    form = {
        **asdict(client),
        **asdict(user),
        "response_type": "code",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    _, headers, page = cognito.handle_login_submit("POST", "/login", _FORM, urlencode(form).encode(), {})
    codes = parse_qs(urlsplit(str(headers.get("Location", ""))).query).get("code")
    if not codes:
        raise SignInFailedError(page.decode())
    return codes[0]


async def _exchanged(client: AppClient, code: str, verifier: str) -> str:
    form = {
        "grant_type": "authorization_code",
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "code": code,
        "code_verifier": verifier,
    }
    body = urlencode(form).encode()
    _, _, answer = await cognito.handle_oauth2_token("POST", "/oauth2/token", _FORM, body, {})
    tokens: dict[str, Any] = json.loads(answer)
    if "access_token" not in tokens:
        raise SignInFailedError(answer.decode())
    return str(tokens["access_token"])
