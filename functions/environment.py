"""A function's settings, out of its environment: each field has the variable of the same name in capitals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

_PLAIN: Mapping[object, Callable[[str], Any]] = {"str": str, "int": int}


def listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)


@dataclass(frozen=True)
class Settings:
    """Fields are texts and whole numbers; another one's metadata has what `parse` makes of its variable's text."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Raises KeyError naming the missing variable, ValueError for one that cannot be."""
        parsers = {each.name: each.metadata.get("parse") or _PLAIN[each.type] for each in fields(cls)}
        return cls(**{name: parse(env[name.upper()]) for name, parse in parsers.items()})
