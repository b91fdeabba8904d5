"""The address of a stack."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mayfly.errors import UsageProblem

_HOST = re.compile(r"[\w.:%-]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(url: str) -> bool:
    """Whether it is on this computer."""
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """Whether requests to the URL are encrypted, or stay on this computer."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def normalized(text: str) -> str:
    """The origin of a stack's page, `https://host[:port]`, from the text that a user has copied or typed.

    Raises:
        UsageProblem: it is not an origin, or requests to it would not be encrypted.
    """
    bare = text.strip()
    full = bare if "://" in bare else f"https://{bare}"
    try:
        parts = urlsplit(full)
        port = f":{parts.port}" if parts.port else ""
        (parts.hostname or "").encode("idna")
    except ValueError as error:  # UnicodeError too
        raise UsageProblem(f"{text!r} is not an address: {error}.") from error
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if not is_private(full) or parts.username is not None or not _HOST.fullmatch(parts.hostname or ""):
        raise UsageProblem(
            f"{text!r} is not the address of a stack; it looks like https://d111111abcdef8.cloudfront.net."
        )
    return f"{parts.scheme}://{host}{port}"
