"""Who sends a request, and whose jobs they may deal with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException

from functions.jobs.errors import JobNotFound

ANONYMOUS = "anonymous"
# The group's name, as infra/sign_in.py calls it.
ADMINS = "admin"
# A Cognito subject is a UUID. It becomes part of S3 keys and the table's hash key, where names with "#" are our own.
_SUBJECT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Auth(StrEnum):
    """Who may use the API: signed-in users, or any caller, all as the same owner."""

    COGNITO = "cognito"
    NONE = "none"


@dataclass(frozen=True)
class Caller:
    owner: str
    is_admin: bool = False

    def sees(self, owner: str) -> bool:
        return owner == self.owner or (self.is_admin and _SUBJECT.fullmatch(owner) is not None)

    def owner_meant(self, named: str | None) -> str:
        """The caller, or the owner that an admin has named.

        Raises:
            JobNotFound: a caller without admin rights has named another owner, whether that owner has jobs or not.
        """
        if named is None:
            return self.owner
        if self.sees(named):
            return named
        raise JobNotFound("There is nothing of this owner for you to see.", field="owner")


def caller_by(auth: Auth) -> Callable[[Mapping[str, Any]], Caller]:
    """The function that reads the caller from a request's ASGI scope."""
    return {Auth.COGNITO: _signed_in, Auth.NONE: _anybody}[auth]


def _anybody(_: Mapping[str, Any]) -> Caller:
    return Caller(ANONYMOUS)


def _signed_in(scope: Mapping[str, Any]) -> Caller:
    """Reads the claims of the access token that API Gateway has verified; without them the request is refused."""
    claims = _claims(scope)
    subject = claims.get("sub")
    # An ID token passes API Gateway too, but is meant for the page.
    if claims.get("token_use") != "access" or not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "Sign in, and send the access token as `Authorization: Bearer ...`.",
            {"WWW-Authenticate": "Bearer"},
        )
    return Caller(subject, is_admin=ADMINS in _groups(claims))


def _claims(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """`requestContext.authorizer.jwt.claims` of the event that Mangum passes on; empty where there is none."""
    found: Any = scope.get("aws.event")
    for key in ("requestContext", "authorizer", "jwt", "claims"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _groups(claims: Mapping[str, Any]) -> list[str]:
    """API Gateway writes a claim that is a list as `[one two]`; the names of groups have no spaces."""
    text = claims.get("cognito:groups")
    if not isinstance(text, str) or not text.startswith("[") or not text.endswith("]"):
        return []
    return text[1:-1].split(" ")
