"""Job ids: UUIDv7 (RFC 9562), so that ids sort by creation time and a table can list newest first by id."""

from __future__ import annotations

import re
import secrets
import time
import uuid

_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_job_id() -> str:
    """A new UUIDv7 in its canonical lower-case form, 36 characters."""
    # uuid.uuid7 exists only from Python 3.14 on. Layout: 48 bits of Unix milliseconds, version, 12 random bits,
    # variant, 62 random bits.
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | 7 << 76 | secrets.randbits(12) << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def is_job_id(text: str) -> bool:
    return _JOB_ID.fullmatch(text) is not None
