"""How a stack, and what belongs to it, is talked to."""

from __future__ import annotations

import functools
import ssl
from typing import Any

import httpx2 as httpx

from mayfly.address import is_loopback


def http_client(address: str, **options: Any) -> httpx.Client:
    """A client for this address, and for others that it names; opens connections as they are needed.

    A proxy of the environment is for the world outside, not for a stack on this computer.

    Args:
        address: of the stack or of its sign-in.
        options: of `httpx.Client`.
    """
    trust_env = not is_loopback(address)
    return httpx.Client(trust_env=trust_env, verify=_tls_context(trust_env=trust_env), **options)


@functools.cache  # reading all those certificates is most of the work of making a client
def _tls_context(*, trust_env: bool) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)
