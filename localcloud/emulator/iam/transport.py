"""Every request counts as having come over TLS.

On AWS the SDKs and the browser use https; nothing here does, so a policy that denies plain http would deny everything.
The loopback interface stands for the encrypted connection.
"""

from __future__ import annotations

from ministack import app
from ministack.core import iam_evaluator


def install() -> None:
    app.pin_request_origin = pin_secure_origin


def pin_secure_origin(source_ip: str, _secure: bool = True) -> None:
    """Records where the current request comes from, for `aws:SourceIp` and `aws:SecureTransport`."""
    iam_evaluator.pin_request_origin(source_ip, True)
