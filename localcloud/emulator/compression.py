"""What CloudFront compresses on its way to the viewer (developer guide, "Serve compressed files").

Upstream compresses nothing. With gzip alone: CloudFront prefers Brotli where a viewer takes both, but answers either;
browsers ask for Brotli over TLS only, which nothing here speaks.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudfront

from localcloud.emulator.asgi import Answer

_SIZES = range(1_000, 10_000_001)  # bytes
_STATUSES = {200, 403, 404}
# Of the guide's list those that a page of today may have.
_TYPES = {
    "application/javascript",
    "application/json",
    "application/pdf",
    "application/rss+xml",
    "application/wasm",
    "application/xhtml+xml",
    "application/xml",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
    "text/tab-separated-values",
    "text/xml",
}


def install() -> None:
    cloudfront._dataplane_behavior = _with_compress(cloudfront._dataplane_behavior)


def _with_compress(upstream: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def behavior(element: Any, path_pattern: str | None = None) -> dict[str, Any]:
        compress = cloudfront._text(element, "Compress", "false") == "true"
        return {**upstream(element, path_pattern), "compress": compress}

    return behavior


def compressed(answer: Answer, distribution: dict[str, Any], path: str, viewer: Mapping[str, str]) -> Answer:
    """The answer as the viewer gets it, whose headers are `viewer`, by the behaviour of the path."""
    behavior = cloudfront._match_behavior(cloudfront.parse_distribution_dataplane_config(distribution), path)
    if behavior is None or not behavior["compress"] or not _accepts_gzip(viewer.get("accept-encoding", "")):
        return answer
    policy = cloudfront.cache_policy_params(behavior["cache_policy_id"]) or {}
    if not policy.get("EnableAcceptEncodingGzip") or not _is_compressible(answer):
        return answer
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    for name in [name for name in headers if name.lower() == "etag"]:
        headers[name] = f"W/{str(headers[name]).removeprefix('W/')}"
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Answer(answer.status, gzip.compress(answer.body, mtime=0), headers)


def _accepts_gzip(accepted: str) -> bool:
    return any(
        re.fullmatch(r"\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?", each, re.IGNORECASE) for each in accepted.split(",")
    )


def _is_compressible(answer: Answer) -> bool:
    headers = {name.lower(): str(value) for name, value in answer.headers.items()}
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return (
        answer.status in _STATUSES
        and media_type in _TYPES
        and "content-encoding" not in headers
        and "content-length" in headers  # without it CloudFront does not know the size
        and len(answer.body) in _SIZES
    )
