"""botocore's descriptions of AWS, cut down to what a program calls: of some 25 MiB a few hundred KiB are left.

A client reads its service's description when it is made, which for EC2 whole takes longer than everything else in a
cold start. What is kept is kept as it is, but for the documentation.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from infra.bundling.aws_calls import AwsCalls

# What botocore itself looks up: generate_presigned_post asks where CreateBucket would go (botocore/signers.py), and a
# bucket of another region is looked for with HeadBucket (botocore/utils.py, S3RegionRedirectorv2).
_OWN_OPERATIONS: Mapping[str, set[str]] = {"s3": {"CreateBucket", "HeadBucket"}}
_FOR_ALL_SERVICES = ("_retry.json", "partitions.json", "sdk-default-configuration.json")
_ENDPOINTS = "endpoints.json"


def cut_data(data: Path, calls: AwsCalls) -> dict[str, bytes]:
    """The files that are left of the folder `botocore/data`, by their names below it."""
    models = {service: _read(_latest(data / service) / "service-2.json.gz") for service in sorted(calls.services)}
    files = {name: (data / name).read_bytes() for name in _FOR_ALL_SERVICES}
    prefixes = set()
    for service, model in models.items():
        if used := calls.operations(model["operations"]):
            folder = _latest(data / service)
            prefixes |= {service, model["metadata"]["endpointPrefix"]}
            for name, content in _service_files(folder, model, used | _OWN_OPERATIONS.get(service, set())):
                files[f"{service}/{folder.name}/{name}"] = content
    files[_ENDPOINTS] = _endpoints(data / _ENDPOINTS, prefixes)
    return files


def _service_files(folder: Path, model: dict[str, Any], operations: set[str]) -> Iterator[tuple[str, bytes]]:
    yield "service-2.json", _packed(_cut_model(model, operations))
    yield "endpoint-rule-set-1.json", _packed(_read(folder / "endpoint-rule-set-1.json.gz"))
    extras = folder / "service-2.sdk-extras.json"
    if extras.exists():
        yield extras.name, extras.read_bytes()
    paginators = folder / "paginators-1.json"
    if paginators.exists():
        found = _read(paginators)["pagination"]
        yield paginators.name, _packed({"pagination": {name: found[name] for name in found if name in operations}})


def _cut_model(model: dict[str, Any], operations: Collection[str]) -> dict[str, Any]:
    kept = {name: value for name, value in model["operations"].items() if name in operations}
    shapes: set[str] = set()
    left = list(_shapes_in(kept))
    while left:
        name = left.pop()
        if name not in shapes:
            shapes.add(name)
            left += _shapes_in(model["shapes"][name])
    parts = {"operations": kept, "shapes": {name: value for name, value in model["shapes"].items() if name in shapes}}
    return {**model, **_without_documentation(parts)}


def _shapes_in(node: Any) -> Iterator[str]:
    """The shapes that a part of a model refers to; a member may be called `shape` itself."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for value in node.values():
            yield from _shapes_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from _shapes_in(value)


def _without_documentation(node: Any) -> Any:
    """`documentation` as a text is prose; a member of a shape that is called so is no text."""
    if isinstance(node, dict):
        return {
            name: _without_documentation(value)
            for name, value in node.items()
            if not (name == "documentation" and isinstance(value, str))
        }
    return [_without_documentation(value) for value in node] if isinstance(node, list) else node


def _endpoints(path: Path, prefixes: set[str]) -> bytes:
    """Where services are, in every partition, for these services alone."""
    document = _read(path)
    partitions = [
        partition | {"services": {name: value for name, value in partition["services"].items() if name in prefixes}}
        for partition in document["partitions"]
    ]
    return _packed(document | {"partitions": partitions})


def _latest(service: Path) -> Path:
    """The version of the service's API that botocore uses by default."""
    return max(version for version in service.iterdir() if (version / "service-2.json.gz").exists())


@cache
def _read(path: Path) -> dict[str, Any]:
    """`path` must keep its content; what is returned must not be changed."""
    content = path.read_bytes()
    document: dict[str, Any] = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    return document


def _packed(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
