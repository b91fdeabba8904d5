"""Signing up where only administrators create users.

Upstream MiniStack lets anyone sign up, whatever `AllowAdminCreateUserOnly` says.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import cognito

SignUp = Callable[[dict[str, Any]], Any]


def install() -> None:
    cognito._sign_up = _where_it_is_open(cognito._sign_up)


def _where_it_is_open(upstream: SignUp) -> SignUp:
    def sign_up(data: dict[str, Any]) -> Any:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        if pool and pool["AdminCreateUserConfig"].get("AllowAdminCreateUserOnly"):
            refusal = "SignUp is not permitted for this user pool"
            return cognito.error_response_json("NotAuthorizedException", refusal, HTTPStatus.BAD_REQUEST)
        return upstream(data)

    return sign_up
