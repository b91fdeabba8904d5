"""Revoking a refresh token at the user pool's domain, as a page does that signs a user out.

Upstream MiniStack knows the RevokeToken action alone, not the `/oauth2/revoke` endpoint that a browser can reach.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.services import cognito

Handle = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Any]]

_PATH = "/oauth2/revoke"


def install() -> None:
    app._handle_cognito_body_request = _with_revocation(app._handle_cognito_body_request)


def _with_revocation(upstream: Handle) -> Handle:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]) -> Any:
        if (method, path) != ("POST", _PATH):
            return await upstream(method, path, headers, body, query_params)
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        return _revoke(form.get("client_id", ""), form.get("token", ""))

    return handle


def _revoke(client_id: str, token: str) -> Any:
    """Answers as the developer guide's "The token revocation endpoint" has it."""
    _, _, client = cognito._find_pool_by_client_id(client_id)
    if not client:
        return _refusal(HTTPStatus.UNAUTHORIZED, "invalid_client")
    if not token or not client.get("EnableTokenRevocation", True):
        return _refusal(HTTPStatus.BAD_REQUEST, "invalid_request")
    claims = cognito._token_claims(token)
    if claims.get("token_use") != "refresh" or claims.get("client_id") != client_id:
        return _refusal(HTTPStatus.BAD_REQUEST, "unsupported_token_type")
    cognito._revoke_token({"Token": token})
    return HTTPStatus.OK, {"Content-Type": "application/json"}, b""


def _refusal(status: HTTPStatus, error: str) -> Any:
    return status, {"Content-Type": "application/json"}, json.dumps({"error": error}).encode()
