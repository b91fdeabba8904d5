"""One digest per resource, to compare what two runs of a program record."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from localcloud.engine.archives import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localcloud.engine.records import Deployment, Resource


def fingerprint(deployment: Deployment) -> dict[str, str]:
    """URN → SHA-256 over a resource's type, parent, options and inputs, archives and assets by their bytes."""
    return {resource.urn: _digest(resource) for resource in deployment.resources}


def _digest(resource: Resource) -> str:
    facts = {
        "type": resource.type,
        "parent": resource.parent,
        "options": vars(resource.options),
        "inputs": dict(_canonical(resource.inputs)),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _canonical(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in inputs.items():
        yield key, _canonical_value(value)


def _canonical_value(value: Any) -> Any:
    if isinstance(value, Blob):
        return {"sha256": value.sha256}
    if isinstance(value, dict):
        return dict(_canonical(value))
    if isinstance(value, list):
        return [_canonical_value(item) for item in value]
    return value
