"""Single requests to this computer, each on a connection of its own: httpx's functions of the same names."""

from __future__ import annotations

import ssl
from functools import partial

import httpx2 as httpx

SECONDS = 60.0  # a busy computer takes its time

# By no proxy, and with no certificates to read, which is most of the work of making a client.
request = partial(httpx.request, timeout=SECONDS, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
get, options, post, put, delete = (partial(request, method) for method in ("GET", "OPTIONS", "POST", "PUT", "DELETE"))
