"""What each role of a deployment may do, as statements to make assertions about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.engine.records import Deployment, Resource

_ROLE = "aws:iam/role:Role"
_INLINE = "aws:iam/rolePolicy:RolePolicy"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, lists always as tuples.

    `policy` is the URN of the resource it stands in; `principals` is empty in the policies of roles.
    """

    policy: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]
    principals: tuple[str, ...]


def statements_by_role(deployment: Deployment) -> dict[str, list[Statement]]:
    """Logical name of each role → every statement of its inline policies; roles without any are there too."""
    roles = _roles(deployment)
    found: dict[str, list[Statement]] = {role.name: [] for role in roles.values()}
    for policy in deployment.of_type(_INLINE):
        found[roles[policy.inputs["role"]].name] += statements(policy.urn, policy.inputs["policy"])
    return found


def statements(urn: str, document: str | Mapping[str, Any]) -> list[Statement]:
    """The statements of any policy document, such as a bucket's."""
    parsed = json.loads(document) if isinstance(document, str) else document
    given = parsed["Statement"]
    return [_statement(urn, item) for item in (given if isinstance(given, list) else [given])]


def _roles(deployment: Deployment) -> dict[str, Resource]:
    return {str(role.id): role for role in deployment.of_type(_ROLE)}


def _statement(urn: str, given: Mapping[str, Any]) -> Statement:
    for negated in ("NotAction", "NotResource", "NotPrincipal"):
        if negated in given:
            raise ValueError(f"{urn}: {negated} says what is not meant; name what is")
    return Statement(
        policy=urn,
        sid=given.get("Sid", ""),
        effect=given["Effect"],
        actions=_many(given.get("Action", [])),
        resources=_many(given.get("Resource", [])),
        conditions=given.get("Condition", {}),
        principals=_principals(given.get("Principal", {})),
    )


def _principals(given: str | Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    return tuple(f"{kind}:{name}" for kind, names in given.items() for name in _many(names))


def _many(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
