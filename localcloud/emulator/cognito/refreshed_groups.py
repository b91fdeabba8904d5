"""The user's groups in the tokens that a refresh token gives, as in those of signing in.

Upstream MiniStack leaves them out there: on a reload of the page an administrator is one no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import cognito


def install() -> None:
    cognito._fake_token = _with_groups(cognito._fake_token)


def _with_groups(upstream: Callable[..., str]) -> Callable[..., str]:
    def fake_token(
        sub: str, pool_id: str, client_id: str, kind: str = "access", username: str = "", **others: Any
    ) -> str:
        if others.get("groups") is None and kind != "refresh":
            users = (cognito._get_pool_unscoped(pool_id) or {}).get("_users", {})
            others["groups"] = users.get(username, {}).get("_groups", [])
        return upstream(sub, pool_id, client_id, kind, username, **others)

    return fake_token
