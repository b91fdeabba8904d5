"""Who may speak to the two ports: programs of this computer by its loopback names, and no page of another site.

A browser sends a page's requests to 127.0.0.1 like to any other address. What gives them away is `Host`, where a name
of the page's own was made to resolve to 127.0.0.1 (DNS rebinding), and `Origin` and `Sec-Fetch-Site`, which browsers
set and pages cannot (Fetch, "Forbidden request-header"; W3C, "Fetch Metadata Request Headers").
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from localcloud.emulator.site.asgi import Answer, Receive, Send, problem, send_answer

App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# Buckets, APIs, distributions and sign-in pages have no names of their own here: the SDKs address a bucket by its path
# where the endpoint is an IP address, and the site's port answers for CloudFront, in-process for its origins.
NAMES = ("127.0.0.1", "localhost")
CONTROL_PREFIX = "/_local/"
ADMIN_HEADER = "x-local-cloud-admin"
# MiniStack's own: they empty it, change its settings and hand out functions' code, all without a signature.
_ADMIN_PREFIXES = ("_ministack", "_localstack")
_HTTP_PORT = 80
_OWN_FETCH_SITES = {"same-origin", "none"}  # "none": the person typed the address


@dataclass(frozen=True)
class HostCheck:
    """ASGI application in front of another one that listens on `port` of 127.0.0.1.

    `admin_token` is what the process that started this one sends as `x-local-cloud-admin`.
    """

    app: App
    port: int
    admin_token: str

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] in {"http", "websocket"} else None
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: answered as 403
        else:
            await send_answer(send, refusal)

    def _refusal(self, scope: dict[str, Any]) -> Answer | None:
        if self._only(scope, b"host") not in self._authorities:
            known = " or ".join(sorted(self._authorities))
            return problem(421, "unknown_host", f"This server is {known}; ask for it by one of these names.")
        path = scope["path"]
        if _is_admin(path) and not hmac.compare_digest(
            self._only(scope, ADMIN_HEADER.encode()).encode(), self.admin_token.encode()
        ):
            return problem(403, "admin_only", "The emulator's own paths are for the process that started it.")
        if path.startswith(CONTROL_PREFIX) and not self._is_of_own_site(scope):
            return problem(403, "foreign_origin", "A page of another site may not ask for /_local; a program may.")
        return None

    @property
    def _authorities(self) -> set[str]:
        with_port = {f"{name}:{self.port}" for name in NAMES}
        return with_port | set(NAMES) if self.port == _HTTP_PORT else with_port

    def _is_of_own_site(self, scope: dict[str, Any]) -> bool:
        origins = _values(scope, b"origin")
        own = f"http://{self._only(scope, b'host')}"
        return all(each == own for each in origins) and set(_values(scope, b"sec-fetch-site")) <= _OWN_FETCH_SITES

    @staticmethod
    def _only(scope: dict[str, Any], name: bytes) -> str:
        """The header's one value in lower case; empty where there is none, or more than one."""
        values = _values(scope, name)
        return values[0] if len(values) == 1 else ""


def _is_admin(path: str) -> bool:
    first = unquote(path).lstrip("/").partition("/")[0]
    return first.casefold() in _ADMIN_PREFIXES


def _values(scope: dict[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip().lower() for key, value in scope["headers"] if key.lower() == name]
