"""How long a command that its machine has not taken yet can still be of use."""

from __future__ import annotations

# How long a machine can fetch payload, spec and input once it has its command: the largest input at a tenth of the
# smallest instance type's bandwidth, with time for retries.
_FETCH_SECONDS = 600


def fetch_seconds(boot_timeout: int) -> int:
    """How long the addresses of what a command fetches are valid: a machine that takes it later can do nothing."""
    return boot_timeout + _FETCH_SECONDS
