"""What a stack's answers look like, so that another server's are never taken for one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Shape = Any
"""A type, a predicate, `[shape]` for a list, `{"name": shape}` for an object, or a tuple of alternatives.

A key that ends with `?` may be missing. An object may have more than is named here: a later version's stack has.
"""

_LARGEST = 2**63


def fits(value: Any, shape: Shape) -> bool:
    """Whether a JSON value is of a shape."""
    if isinstance(shape, tuple):
        return any(fits(value, each) for each in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(each, shape[0]) for each in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_has(value, key, each) for key, each in shape.items())
    if isinstance(shape, type):
        return isinstance(value, shape)
    predicate: Callable[[Any], bool] = shape
    return predicate(value)


def _has(value: dict[str, Any], key: str, shape: Shape) -> bool:
    name = key.removesuffix("?")
    return fits(value[name], shape) if name in value else key != name


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def word(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def moment(value: Any) -> bool:
    try:
        datetime.fromisoformat(value).astimezone()
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def amount(value: Any) -> bool:
    try:
        return isinstance(value, str) and 0 <= Decimal(value) < _LARGEST
    except InvalidOperation:
        return False


_NOTHING = type(None)

JOB: Shape = {
    "id": word,
    "status": word,
    "filename": str,
    "output_filename": str,
    "size": count,
    "input_text": str,
    "output_size": (count, _NOTHING),
    "manifest_sha256": (str, _NOTHING),
    "created_at": moment,
    "attempts": count,
    "timeline": [{"at": moment, "event": str, "detail": str}],
    "error": ({"message": str, "advice": str}, _NOTHING),
    "batch": (str, _NOTHING),
    "overrides": {"instance_type": (str, _NOTHING), "timeout_minutes": (count, _NOTHING)},
    "cost": ({"usd": amount, "min_usd": amount, "is_final": bool}, _NOTHING),
    "machines": [
        {"instance_id": str, "instance_type": str, "market": str, "zone": str, "terminated_at": (moment, _NOTHING)}
    ],
}
PAGE: Shape = {"jobs": [JOB], "next_cursor": (word, _NOTHING)}
LIMITS: Shape = {
    "max_upload_bytes": count,
    "max_text_chars": count,
    "max_filename_bytes": count,
    "multipart_from_bytes": count,
    "allowed_instance_types": [str],
    "max_job_timeout_minutes": count,
    "output_suffix": str,
    "price": ({"usd_per_minute": amount, "max_usd_per_minute": amount, "max_usd_per_job": amount}, _NOTHING),
}
_PART: Shape = {"number": count, "size": count}
UPLOAD: Shape = {
    "job_id": word,
    "upload": ({"url": word, "fields": dict}, _NOTHING),
    "multipart": ({"upload_id": word, "part_size": count, "parts": [{**_PART, "url": word}]}, _NOTHING),
}
PARTS: Shape = {"parts": [{**_PART, "url": (word, _NOTHING), "stored": bool}]}
LOG: Shape = {"lines": [{"at": moment, "stream": str, "text": str}], "next": (word, _NOTHING)}
RECEIPT: Shape = {"objects": count, "log_streams": count}
OUTPUT: Shape = {"url": word}
SITE: Shape = (
    {"auth": lambda value: value == "none"},
    {
        "auth": lambda value: value == "cognito",
        "domain": word,
        "scope": str,
        "command_line": {"client_id": word, "redirect_uris": [str]},
    },
)
TOKENS: Shape = {
    "access_token": word,
    "expires_in": lambda value: isinstance(value, int | float) and 0 <= value < _LARGEST,
    "refresh_token?": (word, _NOTHING),
    "id_token?": (str, _NOTHING),
}
