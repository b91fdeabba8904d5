"""The people of a local cloud with sign-in: alice, bob, and admin, who is in the group of that name; more if asked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

NAMES = ("alice", "bob", "admin")
ADMINS = "admin"


def create_users(cognito: Any, user_pool_id: str, more: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Creates them in the pool as an administrator would, with passwords of their own that are made here.

    Args:
        cognito: a boto3 client of `cognito-idp`.
        user_pool_id: a pool whose users sign in with their e-mail address.
        more: names of further users, who are in no group.

    Returns:
        Name → `{username, password}`.
    """
    users = {name: {"username": f"{name}@example.com", "password": _password()} for name in (*NAMES, *more)}
    for user in users.values():
        who = {"UserPoolId": user_pool_id, "Username": user["username"]}
        email = [{"Name": "email", "Value": user["username"]}, {"Name": "email_verified", "Value": "true"}]
        cognito.admin_create_user(**who, UserAttributes=email, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**who, Password=user["password"], Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=user_pool_id, Username=users["admin"]["username"], GroupName=ADMINS)
    return users


def _password() -> str:
    """Has one of each kind of character that a pool may ask for."""
    return f"{secrets.token_urlsafe(18)}-Aa1"
