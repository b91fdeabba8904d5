"""Every policy document that a deployment records, wherever it stands, as statements to make assertions about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.engine.records import Deployment, Resource

_TRUST = "assumeRolePolicy"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, lists always as tuples; `principals` is empty in the policies of roles."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]
    principals: tuple[str, ...]

    @staticmethod
    def of(given: Mapping[str, Any]) -> Statement:
        if negated := {"NotAction", "NotResource", "NotPrincipal"} & set(given):
            raise ValueError(f"{negated} says what is not meant; name what is")
        return Statement(
            sid=given.get("Sid", ""),
            effect=given["Effect"],
            actions=_many(given.get("Action", [])),
            resources=_many(given.get("Resource", [])),
            conditions=given.get("Condition", {}),
            principals=_principals(given.get("Principal", {})),
        )


@dataclass(frozen=True)
class PolicyDocument:
    """A document and the resource and input that carry it."""

    resource: Resource
    key: str
    content: dict[str, Any]

    @property
    def is_trust(self) -> bool:
        return self.key == _TRUST

    @property
    def role(self) -> str:
        """The logical name of the role whose rights these are; empty for the policies of trust, buckets and the like.

        A role's policy is called as the role is.
        """
        return self.resource.name if "role" in self.resource.inputs else ""

    @property
    def given(self) -> list[dict[str, Any]]:
        found = self.content["Statement"]
        return list(found) if isinstance(found, list) else [found]

    @property
    def statements(self) -> list[Statement]:
        return [Statement.of(each) for each in self.given]

    def __str__(self) -> str:
        return f"{self.resource.name} {self.key}"


def policy_documents(deployment: Deployment) -> list[PolicyDocument]:
    """Found by their look, so that no kind of resource is left out."""
    return [
        PolicyDocument(resource, key, content)
        for resource in deployment.resources
        for key, content in _within(resource.inputs, "")
    ]


def statements_by_role(deployment: Deployment) -> dict[str, list[Statement]]:
    """Logical name of each role → every statement of its inline policies; roles without any are there too."""
    found: dict[str, list[Statement]] = {role.name: [] for role in deployment.of_type("aws:iam/role:Role")}
    for document in policy_documents(deployment):
        if document.role:
            found[document.role] += document.statements
    return found


def allowing(deployment: Deployment, action: str) -> list[tuple[str, Statement]]:
    """(role, statement) of everything that a role is allowed and that names the action."""
    rows = [(role, each) for role, found in statements_by_role(deployment).items() for each in found]
    return [(role, each) for role, each in rows if each.effect == "Allow" and action in each.actions]


def _within(node: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, str) and node.lstrip().startswith("{"):
        try:
            node = json.loads(node)
        except ValueError:
            return
    if isinstance(node, dict):
        if "Statement" in node:
            yield key, node
        else:
            for name, value in node.items():
                yield from _within(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _within(value, key)


def _principals(given: str | Mapping[str, Any]) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    return tuple(f"{kind}:{name}" for kind, names in given.items() for name in _many(names))


def _many(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
