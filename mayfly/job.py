"""A job as the API answers it."""

from __future__ import annotations

from typing import Any

Job = dict[str, Any]

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
