"""How many resources have to be made one after the other."""

from __future__ import annotations

from functools import cache

from localcloud.engine.records import Deployment


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
