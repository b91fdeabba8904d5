"""Every policy document that a deployment records, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.engine.records import Deployment, Resource

_TRUST = "assumeRolePolicy"


@dataclass(frozen=True)
class PolicyDocument:
    """A document and the resource and input that carry it; `resource.id` is a role's name."""

    resource: Resource
    key: str
    content: dict[str, Any]

    @property
    def is_trust(self) -> bool:
        return self.key == _TRUST

    @property
    def role(self) -> str:
        """The name of the role whose rights these are; empty for trust policies and those of buckets and the like."""
        return "" if self.is_trust else str(self.resource.inputs.get("role", ""))

    @property
    def statements(self) -> list[dict[str, Any]]:
        found = self.content["Statement"]
        return list(found) if isinstance(found, list) else [found]

    def __str__(self) -> str:
        return f"{self.resource.name} {self.key}"


def policy_documents(deployment: Deployment) -> list[PolicyDocument]:
    """Found by their look, so that no kind of resource is left out."""
    return [
        PolicyDocument(resource, key, content)
        for resource in deployment.resources
        for key, content in _within(resource.inputs, "")
    ]


def many(value: str | list[str]) -> list[str]:
    """What IAM lets be written as one or as a list."""
    return [value] if isinstance(value, str) else value


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
