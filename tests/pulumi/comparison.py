"""What two engines recorded of one program, brought into a form in which it can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.engine import wire
from localcloud.engine.records import Blob, Deployment, Resource

_DEFAULTS = "__defaults"  # the names of generated inputs, of which the in-process engine has none
_PROVIDER = "pulumi:"  # stacks and providers: the engine's own


def unlike(one: Deployment, other: Deployment) -> list[str]:
    """What differs in URNs, parents, inputs, dependencies and protection, as `URN path: this, not that`.

    What no two runs share is none: ids, generated names and all that is made of them are replaced by where they come
    from before they are compared.
    """
    pairs: list[tuple[str, str, str]] = []
    others = {each.urn: each for each in other.resources}
    for each in one.resources:
        if each.urn in others:
            pairs += _differing(each, others[each.urn])
    mine = sorted(((value, token) for value, _, token in pairs), key=lambda pair: -len(pair[0]))
    theirs = sorted(((value, token) for _, value, token in pairs), key=lambda pair: -len(pair[0]))
    return list(_unlike(_facts(one, mine), _facts(other, theirs), ""))


def _unlike(one: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _unlike(one.get(key), other.get(key), f"{path} {key}".lstrip())
    elif one != other:
        yield f"{path}: {one!r}, not {other!r}"


def _differing(one: Resource, other: Resource) -> list[tuple[str, str, str]]:
    outputs = {"id": (one.id, other.id), **{key: (one.outputs[key], other.outputs.get(key)) for key in one.outputs}}
    return [
        (mine, theirs, f"<{one.name} {key}>")
        for key, (mine, theirs) in outputs.items()  # the id first: an ETag may be the same
        if isinstance(mine, str) and isinstance(theirs, str) and mine and theirs and mine != theirs
    ]


def _facts(deployment: Deployment, tokens: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        each.urn: {
            "parent": each.parent,
            "inputs": _inputs(each.inputs, tokens),
            "dependencies": each.dependencies,
            "property_dependencies": {key: urns for key, urns in each.property_dependencies.items() if urns},
            "protect": each.options.protect,
        }
        for each in deployment.resources
        if not each.type.startswith(_PROVIDER)
    }


def _inputs(inputs: Mapping[str, Any], tokens: list[tuple[str, str]]) -> dict[str, Any]:
    generated = {_DEFAULTS, "tagsAll", *inputs.get(_DEFAULTS, [])}
    return {key: _value(value, tokens) for key, value in inputs.items() if key not in generated and value is not None}


def _value(value: Any, tokens: list[tuple[str, str]]) -> Any:
    match value:
        case str():
            for text, token in tokens:
                value = value.replace(text, token)
            return value
        case Blob():
            return "<archive>" if value.source.endswith(".zip") else hashlib.sha256(value.data).hexdigest()
        case list():
            return [_value(item, tokens) for item in value]
        case dict() if value.get(wire._SIGNATURE) in (wire._ASSET, wire._ARCHIVE):
            return value["hash"] if value[wire._SIGNATURE] == wire._ASSET else "<archive>"
        case dict():
            return {key: _value(item, tokens) for key, item in value.items() if item is not None}
    return value
