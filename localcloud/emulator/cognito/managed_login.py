"""The style of an app client's managed login pages.

Cognito has these pages, version 2 of a domain's, only for a client with a style of its own, be it the default one: any
other sees "Login pages unavailable". Upstream MiniStack knows no styles, and shows its own page to every client.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from ministack.services import cognito

Authorize = Callable[[str, str, dict[str, str], dict[str, Any]], Any]

Dispatch = Callable[[str, dict[str, Any]], Awaitable[Any]]

MANAGED_LOGIN = 2  # 1 are the classic pages, which need no style
_STYLES = "_localcloud_styles"  # of a pool, by client id; MiniStack answers no key that begins so
_PAGE = b"<!doctype html><title>Login pages unavailable</title><p>Login pages unavailable"


def install() -> None:
    cognito._dispatch_idp = _with_styles(cognito._dispatch_idp)
    cognito.handle_oauth2_authorize = _for_styled_clients(cognito.handle_oauth2_authorize)


def _with_styles(upstream: Dispatch) -> Dispatch:
    async def dispatch_idp(action: str, data: dict[str, Any]) -> Any:
        if not action.endswith("ManagedLoginBranding"):
            return await upstream(action, data)
        pool, error = cognito._resolve_pool(data["UserPoolId"])
        return error or _answer(action, pool, data)

    return dispatch_idp


def _answer(action: str, pool: dict[str, Any], data: dict[str, Any]) -> Any:
    styles: dict[str, dict[str, Any]] = pool.setdefault(_STYLES, {})
    if action == "CreateManagedLoginBranding":
        client_id = data["ClientId"]
        if client_id not in pool["_clients"]:
            return _refusal("ResourceNotFoundException", f"User pool client {client_id} does not exist.")
        if client_id in styles:
            return _refusal("ManagedLoginBrandingExistsException", "This client has a style already.")
        new = {"ManagedLoginBrandingId": str(uuid.uuid4()), "UserPoolId": pool["Id"]}
        styles[client_id] = {**new, "UseCognitoProvidedValues": False, "Assets": []}
    else:
        identity = data["ManagedLoginBrandingId"]
        named = [each for each, style in styles.items() if style["ManagedLoginBrandingId"] == identity]
        if not named:
            return _refusal("ResourceNotFoundException", f"There is no style {identity}.")
        (client_id,) = named
    if action == "DeleteManagedLoginBranding":
        del styles[client_id]
        return cognito.json_response({})
    # Describing one names none of these.
    styles[client_id] |= {key: data[key] for key in ("Settings", "UseCognitoProvidedValues", "Assets") if key in data}
    return cognito.json_response({"ManagedLoginBranding": styles[client_id]})


def _for_styled_clients(upstream: Authorize) -> Authorize:
    def handle_oauth2_authorize(method: str, path: str, headers: dict[str, str], query_params: dict[str, Any]) -> Any:
        client_id = cognito._qp(query_params, "client_id")
        _, pool, _ = cognito._find_pool_by_client_id(client_id)
        if pool and _is_managed(pool) and client_id not in pool.get(_STYLES, {}):
            return HTTPStatus.FORBIDDEN, {"Content-Type": "text/html"}, _PAGE
        return upstream(method, path, headers, query_params)

    return handle_oauth2_authorize


def _is_managed(pool: dict[str, Any]) -> bool:
    return MANAGED_LOGIN in pool.get("_managed_login_versions", {}).values()


def _refusal(code: str, message: str) -> Any:
    return cognito.error_response_json(code, message, HTTPStatus.BAD_REQUEST)
