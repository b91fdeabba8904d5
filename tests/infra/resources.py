"""Resources of a recorded program, by type and name, and by what each has to wait for."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource


def only(deployment: Deployment, token: str, ending: str = "") -> Resource:
    """The one of its type, or of those the one whose name ends so."""
    (found,) = (each for each in deployment.of_type(token) if each.name.endswith(ending))
    return found


def functions(deployment: Deployment) -> dict[str, Resource]:
    """By their names, without the stack's prefix."""
    found = deployment.of_type("aws:lambda/function:Function")
    return {re.sub(r"^mayfly-[a-z]+-", "", each.name): each for each in found}


def environment(deployment: Deployment, function: str) -> dict[str, Any]:
    return dict(functions(deployment)[function].inputs["environment"]["variables"])


def longest_chain(deployment: Deployment) -> list[str]:
    """Type and name of each resource of the longest chain in which each needs the one before to be there."""
    resources = {each.urn: each for each in deployment.resources}

    @cache
    def chain_to(urn: str) -> list[str]:
        resource = resources[urn]
        needed = {*resource.dependencies, *(each for urns in resource.property_dependencies.values() for each in urns)}
        if resource.parent in resources:
            needed.add(resource.parent)
        chains = [chain_to(each) for each in sorted(needed) if each in resources]
        before = max(chains, key=len) if chains else []
        # Stack, components and provider are there at once.
        is_made = resource.custom and not resource.type.startswith("pulumi:")
        return [*before, f"{resource.type} {resource.name}"] if is_made else before

    return max(map(chain_to, resources), key=len)
