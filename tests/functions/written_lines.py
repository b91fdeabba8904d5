"""What functions write into their logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from logging import StreamHandler
from typing import Any

import pytest
from aws_lambda_powertools import Logger

Lines = Callable[[], list[dict[str, Any]]]


def written_lines(patch: pytest.MonkeyPatch, *loggers: Logger) -> Lines:
    """The JSON lines that the loggers have written since."""
    written = StringIO()
    for logger in loggers:
        handler = logger.registered_handler
        assert isinstance(handler, StreamHandler)
        patch.setattr(handler, "stream", written)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]
