"""An API Gateway origin of a distribution, answered in-process.

Upstream MiniStack's CloudFront refuses to dial AWS-owned hosts, and `execute-api` is one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack import app
from ministack.services import cloudfront

_EXECUTE_API = re.compile(r"^([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com$")


def install() -> None:
    cloudfront._fetch_from_origin = _with_execute_api(cloudfront._fetch_from_origin)


def _with_execute_api(upstream: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def fetch_from_origin(
        origin: dict[str, Any], method: str, uri: str, query: str, headers: dict[str, str], body: bytes, *viewer: Any
    ) -> Any:
        host = origin["domain_name"].lower()
        api = _EXECUTE_API.match(host)
        if api is None:
            return await upstream(origin, method, uri, query, headers, body, *viewer)
        _, client_ip, forwarded_for, _ = viewer
        sent = cloudfront._origin_request_headers(origin, headers, client_ip, forwarded_for)
        raw_path = (origin.get("origin_path") or "") + uri
        status, answered, data = await app._handle_execute_api_request(
            f"{api[1]}.execute-api.localhost",  # the form of the name that MiniStack resolves
            unquote(raw_path),
            method,
            {name.lower(): value for name, value in sent.items()} | {"host": host, "x-forwarded-proto": "https"},
            body,
            parse_qs(query, keep_blank_values=True),
            raw_path=raw_path,
            raw_query_string=query,
        )
        lowered = {name.lower(): value for name, value in answered.items()}
        return status, HTTPStatus(status).phrase, lowered, data if isinstance(data, bytes) else str(data).encode()

    return fetch_from_origin
