"""What `pulumi up` would make of the difference between two recorded runs of a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from localcloud.engine.existing import compare
from localcloud.engine.records import Deployment, Resource
from localcloud.engine.registry import adapter

_PREFIX = "aws:"  # components and the stack have nothing in the cloud

Step = Literal["create", "update", "replace", "delete"]


@dataclass(frozen=True)
class Change:
    """`inputs` are those that make the step necessary; none for `create` and `delete`."""

    resource: Resource
    step: Step
    inputs: tuple[str, ...] = ()


def changes(before: Deployment, after: Deployment) -> list[Change]:
    """By URN, in the order of `after`, what is deleted last.

    A replaced resource's outputs are not known before it is there, so every input made of them counts as changed.
    """
    old = {each.urn: each for each in before.resources if each.type.startswith(_PREFIX)}
    new = [each for each in after.resources if each.type.startswith(_PREFIX)]
    steps: dict[str, Change] = {}
    for resource in new:
        change = _change(old.get(resource.urn), resource, steps)
        if change is not None:
            steps[resource.urn] = change
    kept = {each.urn for each in new}
    return [*steps.values(), *(Change(each, "delete") for urn, each in old.items() if urn not in kept)]


def _change(old: Resource | None, new: Resource, earlier: Mapping[str, Change]) -> Change | None:
    if old is None:
        return Change(new, "create")
    unknown = {key for key, urns in new.property_dependencies.items() if _is_made_anew(urns, earlier)}
    inputs = sorted({*compare(new.type, old.inputs, new.inputs).changed, *unknown})
    if not inputs:
        return None
    is_replaced = not {*adapter(new.type).replaced_by, "region"}.isdisjoint(inputs)
    return Change(new, "replace" if is_replaced else "update", tuple(inputs))


def _is_made_anew(urns: list[str], earlier: Mapping[str, Change]) -> bool:
    return any(urn in earlier and earlier[urn].step in ("create", "replace") for urn in urns)
