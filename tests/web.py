"""Single requests, each on a connection of its own and by nobody's proxy, as httpx's functions of the same names."""

from __future__ import annotations

from functools import partial

import httpx2 as httpx

# httpx makes one for each request, a tenth of a second's work when the computer is busy.
_TLS = httpx.create_ssl_context()

request = partial(httpx.request, trust_env=False, verify=_TLS)
get, options, post, put, delete = (partial(request, method) for method in ("GET", "OPTIONS", "POST", "PUT", "DELETE"))
