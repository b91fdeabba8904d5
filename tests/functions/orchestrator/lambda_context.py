"""What Lambda gives a handler beside the event."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:f",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 60_000,
)
