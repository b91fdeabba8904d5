"""Time as the records keep it: RFC 3339 in UTC with milliseconds, for example `2026-01-31T09:15:02.345Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """The moment, for arithmetic. Callers name it through this module, so that a simulation can set the clock."""
    return datetime.now(UTC)


def age(moment: str | datetime) -> timedelta:
    """How long ago a moment was, be it as the records keep it or as a datetime."""
    return utc_now() - (datetime.fromisoformat(moment) if isinstance(moment, str) else moment)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    return rfc3339(utc_now())


def after(delay: timedelta) -> str:
    return rfc3339(utc_now() + delay)
