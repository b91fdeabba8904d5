"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """OK: nothing to do. WARN: works, but not as well as it could. FAIL: deploying, or running, would fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """`seen` is what is there, in plain words; `remedy` what to do about it, empty where nothing is to be done."""

    subject: str
    verdict: Verdict
    seen: str
    remedy: str = ""
