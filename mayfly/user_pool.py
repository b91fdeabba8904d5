"""The endpoints of a Cognito user pool as a public client uses them: authorization code grant with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2 as httpx

from mayfly import shapes
from mayfly.address import is_loopback, is_private
from mayfly.errors import SignInProblem
from mayfly.http_client import http_client

TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class PoolSettings:
    """Where people sign in, as what, and the addresses on this computer that they may be sent back to."""

    domain: str
    client_id: str
    scope: str
    redirect_uris: Sequence[str]

    @classmethod
    def from_json(cls, site: dict[str, Any]) -> PoolSettings:
        """Of a stack's config.json.

        Raises:
            SignInProblem: the addresses are none that a code or a token may be sent to.
        """
        domain, own = site["domain"], site["command_line"]
        uris = tuple(own["redirect_uris"])
        try:
            are_safe = is_private(domain) and all(is_loopback(uri) and urlsplit(uri).port is not None for uri in uris)
        except ValueError:  # a port that is none
            are_safe = False
        if not are_safe:
            raise SignInProblem("This stack names sign-in pages that a password must not be typed into.")
        return cls(domain, own["client_id"], site["scope"], uris)


@dataclass(frozen=True)
class Tokens:
    """`refresh` is None where the one before stays; `owner` and `email` are those of the ID token."""

    access: str
    seconds: float
    refresh: str | None
    owner: str
    email: str


class TokenRefused(SignInProblem):
    """The user pool does not give tokens for this, however often it is asked; the message is the OAuth error code."""


class UserPool:
    def __init__(self, domain: str, client_id: str, transport: httpx.BaseTransport | None = None) -> None:
        self._domain = domain
        self._client_id = client_id
        self._transport = transport

    def sign_in_address(self, redirect_uri: str, scope: str, state: str, verifier: str) -> str:
        """The address of the sign-in page."""
        digest = hashlib.sha256(verifier.encode()).digest()
        query = {
            "client_id": self._client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": scope,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._domain}/oauth2/authorize?{urlencode(query)}"

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for a code.

        Raises:
            TokenRefused: the code is over, or was never one of ours.
            SignInProblem: there is no answer to be had now.
        """
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        return self._ask({**grant, "redirect_uri": redirect_uri})

    def renew(self, refresh_token: str) -> Tokens:
        """New tokens; raises as `exchange` does."""
        return self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def revoke(self, refresh_token: str) -> None:
        """Makes a refresh token worthless.

        Raises:
            SignInProblem: the pool could not be reached, or refused.
        """
        answer = self._post("/oauth2/revoke", {"token": refresh_token})
        if not answer.is_success:
            raise SignInProblem(f"The sign-in service refused to revoke the token (status {answer.status_code}).")

    def _ask(self, grant: dict[str, str]) -> Tokens:
        answer = self._post("/oauth2/token", grant)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
            raise SignInProblem("Signing in is not possible now: the sign-in service is busy or out of order.")
        body = _object_in(answer)
        if not answer.is_success:
            raise TokenRefused(str(body.get("error") or f"status {answer.status_code}"))
        if not shapes.fits(body, shapes.TOKENS):
            raise SignInProblem("Something else answers at the address of the sign-in service.")
        claims = claims_of(str(body.get("id_token")))
        return Tokens(
            access=str(body["access_token"]),
            seconds=float(body["expires_in"]),
            refresh=body.get("refresh_token"),
            owner=str(claims.get("sub", "")),
            email=str(claims.get("email", "")),
        )

    def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        with http_client(self._domain, timeout=TIMEOUT_SECONDS, transport=self._transport) as http:
            try:
                return http.post(f"{self._domain}{path}", data={"client_id": self._client_id, **form})
            except httpx.TransportError as error:
                raise SignInProblem("The sign-in service cannot be reached. Check the connection.") from error


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, not verified, which is the receiver's task; empty for any other text."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _object_in(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
