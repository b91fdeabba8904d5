"""What a role may do, for calls that services make on a role's behalf without an HTTP request of their own."""

from __future__ import annotations

import secrets
import time

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import iam, sts

from localcloud.emulator.settings import Scope

SESSION_SECONDS = 6 * 3600


def role_allows(scope: Scope, role_arn: str, action: str, resource: str) -> bool:
    """Whether the role's identity policies and its boundary allow one action on one resource.

    Args:
        scope: account and region of the call.
        role_arn: `arn:aws:iam::…:role/…`; a role that does not exist allows nothing.
        action: such as `logs:PutLogEvents`.
        resource: ARN, or `*` for an action without resource types.
    """
    role_name = role_arn.rsplit("/", 1)[-1]
    with request_scope(scope.account_id, scope.region):
        policies = iam_evaluator._gather_role_policies(role_name, scope.account_id)
        limits = iam_evaluator._permissions_boundary(iam._roles, role_name, scope.account_id)
        call = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{scope.account_id}:assumed-role/{role_name}/service",
            principal_type="AssumedRole",
            principal_account=scope.account_id,
            action=action,
            resource_arn=resource,
            region=scope.region,
            secure_transport=True,
        )
        return bool(iam_evaluator.evaluate(call, policies, *limits).decision == "Allow")


def role_of_profile(scope: Scope, profile_arn: str) -> str | None:
    """ARN of the instance profile's role; None without a profile or without a role in it."""
    with request_scope(scope.account_id, scope.region):
        profile = iam._lookup_instance_profile(name="", arn=profile_arn) if profile_arn else None
        if not profile or not profile.get("Roles"):
            return None
        first = profile["Roles"][0]
        name = first if isinstance(first, str) else first.get("RoleName", "")
        role = iam._roles.get(name.rsplit("/", 1)[-1])
        return str(role["Arn"]) if role else None


def start_role_session(scope: Scope, role_arn: str, session_name: str) -> dict[str, str]:
    """Registers temporary credentials, as STS does for an instance, and returns them in the terms of its metadata."""
    role_name = role_arn.rsplit("/", 1)[-1]
    expires = time.time() + SESSION_SECONDS
    keys = {
        "AccessKeyId": "ASIA" + secrets.token_hex(8).upper(),
        "SecretAccessKey": secrets.token_hex(20),
        "Token": secrets.token_hex(48),
    }
    sts.register_session(
        keys["AccessKeyId"],
        {
            "Arn": f"arn:aws:sts::{scope.account_id}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{role_name}:{session_name}",
            "SecretAccessKey": keys["SecretAccessKey"],
            "SessionToken": keys["Token"],
            "Expiration": expires,
        },
    )
    return {**keys, "LastUpdated": _timestamp(time.time()), "Expiration": _timestamp(expires)}


def _timestamp(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
