"""Single requests, each on a connection of its own and by nobody's proxy, as httpx's functions of the same names."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx2 as httpx

from mayfly.http_client import http_client

SECONDS = 60.0  # a busy computer takes its time


def request(method: str, url: str, **options: Any) -> httpx.Response:
    with http_client(url, timeout=SECONDS) as http:
        return http.request(method, url, **options)


get, options, post, put, delete = (partial(request, method) for method in ("GET", "OPTIONS", "POST", "PUT", "DELETE"))
