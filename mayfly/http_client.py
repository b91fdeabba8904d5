"""How a stack, and what belongs to it, is talked to."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.request import getproxies

import httpx2 as httpx

from mayfly.address import is_loopback
from mayfly.errors import UsageProblem


def http_client(address: str, **options: Any) -> httpx.Client:
    """A client for this address, and for others that it names; opens connections as they are needed.

    A proxy of the environment is for the world outside, not for a stack on this computer.

    Args:
        address: of the stack or of its sign-in.
        options: of `httpx.Client`.

    Raises:
        UsageProblem: the environment names certificates or a proxy that cannot be used.
    """
    trust_env = not is_loopback(address)
    verify = _tls_context(trust_env=True) if trust_env else _ReadWhenNeeded(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx.Client(trust_env=trust_env, verify=verify, **options)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # Never with the value: it may have a password.
        reason = "SOCKS needs: pip install 'httpx2[socks]'" if isinstance(error, ImportError) else "it is no address"
        raise UsageProblem(
            f"The proxy that the environment names cannot be used ({reason}). Look at {_proxy_variables()}."
        ) from error


class _ReadWhenNeeded(ssl.SSLContext):
    """This computer's certificates, read at the first handshake: a stack on this computer has none as a rule."""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return _tls_context(trust_env=False).wrap_socket(*args, **options)


@functools.cache  # reading all those certificates is most of the work of making a client
def _tls_context(*, trust_env: bool) -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context(trust_env=trust_env)
    except OSError as error:  # ssl.SSLError too
        name = next((name for name in _CERTIFICATES if os.environ.get(name)), None)
        if name is None or not trust_env:
            raise UsageProblem(f"This computer's certificates cannot be read: {error}.") from error
        raise UsageProblem(
            f"{name} names {os.environ[name]}, which cannot be read as certificates"
            f" ({error.strerror or error}). Correct it, or unset it."
        ) from error


_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def _proxy_variables() -> str:
    return ", ".join(_set_variables()) or f"the proxies of this computer's settings ({', '.join(getproxies())})"


def _set_variables() -> Iterator[str]:
    return (name for name in os.environ if name.lower().endswith("_proxy") and os.environ[name])
