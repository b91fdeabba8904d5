"""Checks parameters of boto3 calls against what botocore's service models publish but botocore does not enforce.

botocore validates names, types and required members; enums, patterns, lengths and ranges it leaves to the service.
AWS applies a pattern to the whole value ("Member must satisfy regular expression pattern").
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from localcloud.engine.errors import ServiceRuleError

# Java's Unicode classes, each as something of Python's that accepts at least as much.
_UNICODE_CLASSES = {"L": r"\w", "N": r"\w", "M": r"\w", "Z": r"\s", "LD": r"\w", "IsL": r"\w"}
_UNICODE_CLASS = re.compile(r"\\p\{(\w+)\}|\\p([LNMZ])")
# Unions and intersections of character classes, which Python reads as plain characters (and warns).
_JAVA_SETS = re.compile(r"(?<!\\)\[\^?\[|&&|--|~~|\|\|")
_NUMBERS = {"integer", "long", "float", "double"}
_SHOWN = 80  # characters of a value in a message


def register(client: BaseClient) -> None:
    """Make `client` raise ServiceRuleError before it sends a call that breaks its service's model."""
    client.meta.events.register("before-parameter-build", _before_parameter_build)


def violations(model: OperationModel, params: Mapping[str, Any]) -> list[str]:
    """Every broken rule of one call, each as `path: value breaks rule`."""
    if model.input_shape is None:
        return []
    return list(_check(model.input_shape, params, ""))


def _before_parameter_build(params: Mapping[str, Any], model: OperationModel, **_: Any) -> None:
    found = violations(model, params)
    if found:
        service = model.service_model.service_name
        raise ServiceRuleError(f"{service}.{model.name} breaks the service's own rules: {'; '.join(found)}")


def _check(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, item in value.items():
            if name in shape.members:  # an unknown name is botocore's to refuse
                yield from _check(shape.members[name], item, f"{path}.{name}" if path else name)
    elif isinstance(shape, ListShape) and isinstance(value, (list, tuple)):
        yield from _check_bounds(shape, len(value), path, "items")
        for index, item in enumerate(value):
            yield from _check(shape.member, item, f"{path}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        yield from _check_bounds(shape, len(value), path, "entries")
        for key, item in value.items():
            yield from _check(shape.key, key, f"{path} key")
            yield from _check(shape.value, item, f"{path}.{key}")
    else:
        yield from _check_scalar(shape, value, path)


def _check_scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "string" and isinstance(value, str):
        yield from _check_string(shape, value, path)
    elif shape.type_name == "blob" and isinstance(value, (bytes, bytearray)):
        yield from _check_bounds(shape, len(value), path, "bytes")
    elif shape.type_name in _NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _check_bounds(shape, value, path, "")


def _check_string(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _check_bounds(shape, len(value), path, "characters")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"{path}: {_shown(value)} is not one of {', '.join(allowed)}"
    pattern = shape.metadata.get("pattern")
    if pattern:
        compiled = _compile(pattern)
        if compiled is not None and not compiled.fullmatch(value):
            yield f"{path}: {_shown(value)} does not match the pattern {pattern}"


def _check_bounds(shape: Shape, size: float, path: str, unit: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < float(least):
        yield f"{path}: {size} {unit}".rstrip() + f" is below the minimum of {least}"
    if most is not None and size > float(most):
        yield f"{path}: {size} {unit}".rstrip() + f" is above the maximum of {most}"


@functools.cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    """The pattern in Python's dialect; None for one that Python reads differently or not at all."""
    if _JAVA_SETS.search(pattern):
        return None
    translated = _UNICODE_CLASS.sub(lambda found: _UNICODE_CLASSES.get(found[1] or found[2], found[0]), pattern)
    try:
        return re.compile(translated, re.NOFLAG if translated != pattern else re.ASCII)
    except re.error:
        return None


def _shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
