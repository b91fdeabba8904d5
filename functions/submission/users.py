"""Who the owners of jobs are, by what people call them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class User:
    id: str
    """As an owner of jobs."""
    email: str


class Users(Protocol):
    """Those who can sign in."""

    def find(self, name: str) -> User | None:
        """The user of this id or e-mail address; None where there is none, or where it cannot be found out now."""


class NoUsers:
    """Of a stack without sign-in."""

    def find(self, name: str) -> User | None:  # noqa: ARG002 - the protocol's
        return None
