"""A stand-in for the user pool, in which the user has just signed in: it shows no page of its own.

What a page must send it checks (RFC 6749, RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

CLIENT_ID, COMMAND_LINE = "the-page", "the-command-line"
SCOPE = "openid email"
OWNER = "f3c4d8a2-40b1-70d2-9a51-3f0a5b8c1e27"


class Refused(Exception):
    """The OAuth error code that the token endpoint answers with status 400."""


def jwt(claims: Mapping[str, object]) -> str:
    """Has a JWT's form; its signature is not checked here."""
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), "signature"])


@dataclass
class UserPool:
    """What a test may set: who comes, what the pages answer, how long a token lives."""

    origin: str = ""
    url: str = ""
    email: str = "alice@example.com"
    owner: str = OWNER
    error: dict[str, str] | None = None
    """What people come back with in the place of a code."""
    state: str | None = None
    """A `state` to come back with in the place of the page's own."""
    lives_seconds: int = 900
    groups: tuple[str, ...] = ()
    redirect_uris: list[str] = field(default_factory=lambda: ["http://127.0.0.1:0/signed-in"])
    """Where the command line client may have its codes sent."""
    outage: bool = False
    rotates: bool = False
    """Each renewal brings another refresh token, and ends the one before."""
    valid: set[str] = field(default_factory=set)
    """The access tokens that the API takes."""
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    """The client that each was given to."""
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def settings(self) -> dict[str, object]:
        """What /config.json says."""
        own = {"client_id": COMMAND_LINE, "redirect_uris": self.redirect_uris}
        return {"auth": "cognito", "domain": self.url, "client_id": CLIENT_ID, "scope": SCOPE, "command_line": own}

    def claims(self, access_token: str) -> dict[str, str] | None:
        """What API Gateway's authorizer reads from a token: everything a text, a list in brackets. None: refused."""
        if access_token not in self.valid:
            return None
        groups = {"cognito:groups": f"[{' '.join(self.groups)}]"} if self.groups else {}
        return {"sub": self.owner, "token_use": "access", **groups}

    def answer(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """What a POST is answered."""
        self.calls.append(f"POST {path} {form.get('grant_type', '')}".strip())
        if self.outage:
            return 503, b""
        assert form["client_id"] in {CLIENT_ID, COMMAND_LINE}
        if path == "/oauth2/revoke":
            # One that is worthless already is no error (RFC 7009, section 2.2).
            assert self.refresh_tokens.pop(form["token"], form["client_id"]) == form["client_id"]
            return 200, b""
        try:
            return 200, json.dumps(self.token(form)).encode()
        except Refused as refused:
            return 400, json.dumps({"error": str(refused)}).encode()

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the browser is sent; it must be where the page is."""
        assert query["client_id"] == CLIENT_ID
        assert (query["response_type"], query["scope"]) == ("code", SCOPE)
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == self.origin
        state = {"state": self.state or query["state"]}
        if self.error:
            return f"{self.origin}?{urlencode(self.error | state)}"
        code = f"code-{next(self._numbers)}"
        self.codes[code] = query
        return f"{self.origin}?{urlencode({'code': code} | state)}"

    def token(self, form: Mapping[str, str]) -> dict[str, object]:
        """A code or a refresh token of another client is an invalid grant (RFC 6749, section 5.2)."""
        client = form["client_id"]
        if form["grant_type"] == "refresh_token":
            if self.refresh_tokens.get(form["refresh_token"]) != client:
                raise Refused("invalid_grant")
            if not self.rotates:
                return self._tokens()
            del self.refresh_tokens[form["refresh_token"]]
            return {**self._tokens(), "refresh_token": self._refresh_token(client)}
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge:
            raise Refused("invalid_grant")
        if any(form[name] != asked[name] for name in ("client_id", "redirect_uri")):
            raise Refused("invalid_grant")
        return {**self._tokens(), "refresh_token": self._refresh_token(client)}

    def sign_out(self, query: Mapping[str, str]) -> str:
        assert query["client_id"] == CLIENT_ID
        assert query["logout_uri"] == self.origin
        return query["logout_uri"]

    def _refresh_token(self, client: str) -> str:
        refresh_token = f"refresh-{next(self._numbers)}"
        self.refresh_tokens[refresh_token] = client
        return refresh_token

    def _tokens(self) -> dict[str, object]:
        access = f"access-{next(self._numbers)}"
        self.valid.add(access)
        groups = {"cognito:groups": self.groups} if self.groups else {}
        identity = jwt({"sub": self.owner, "email": self.email, **groups})
        return {"access_token": access, "id_token": identity, "token_type": "Bearer", "expires_in": self.lives_seconds}
