"""Checks recorded inputs against the types that the installed pulumi_aws SDK itself carries.

The SDK's constructors accept plain dicts, so a misspelt nested key or a wrong type passes them unseen; the real
provider would refuse it only at deployment.
"""

from __future__ import annotations

import collections.abc
import enum
import functools
import importlib
import inspect
import keyword
import threading
import types
import typing
from collections.abc import Iterator
from typing import Any

from pulumi import _types

from localcloud.engine.records import Blob, Resource

# The SDK loads a module when something of it is first asked for; a second thread would find one that is not whole.
_LOADING = threading.Lock()
LISTS = (list, collections.abc.Sequence)
MAPS = (dict, collections.abc.Mapping)


class Property(typing.NamedTuple):
    """One declared input: its annotation, and whether it must be given."""

    annotation: Any
    required: bool


def check(resource: Resource) -> list[str]:
    """Every disagreement between a resource's inputs and the SDK's types, as `path: what is wrong`."""
    args = args_class(resource.type)
    if args is None:
        return [f"{resource.type}: the installed pulumi_aws has no such resource"]
    return list(_check_object(resource.inputs, args, ""))


def takes(token: str, name: str) -> bool:
    """Whether the resource type has an input of that camelCase name."""
    args = args_class(token)
    return args is not None and name in declared(args)


@functools.cache
def args_class(token: str) -> type | None:
    """The SDK's argument class of a resource type such as `aws:s3/bucket:Bucket`."""
    package, path, name = token.split(":")
    module = path.partition("/")[0]
    with _LOADING:
        try:
            found = importlib.import_module(f"pulumi_{package}.{module}{'_' if keyword.iskeyword(module) else ''}")
        except ImportError:
            return None
        # Where a nested type has the plain name already, the SDK calls the resource's own arguments …InitArgs.
        return getattr(found, f"{name}InitArgs", None) or getattr(found, f"{name}Args", None)


@functools.cache
def declared(cls: type) -> dict[str, Property]:
    """The properties of an argument class by their camelCase names."""
    annotations = _types.input_type_types(cls)
    names = _types.input_type_py_to_pulumi_names(cls)
    parameters = inspect.signature(cls).parameters
    return {
        names[python]: Property(
            annotations.get(names[python], annotations.get(python)),
            parameters[python].default is inspect.Parameter.empty,
        )
        for python in names
        if python in parameters
    }


def options(annotation: Any) -> list[Any]:
    """The plain types an annotation stands for, without Optional, Awaitable and Output."""
    if isinstance(annotation, (str, typing.ForwardRef)) or annotation is None:
        return []
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [option for member in typing.get_args(annotation) for option in options(member)]
    if annotation is type(None) or _is_plumbing(annotation):
        return []
    return [annotation]


def is_object(option: Any) -> bool:
    """Whether a plain type is an object of named properties."""
    return inspect.isclass(option) and _types.is_input_type(option)


def _check_object(value: dict[str, Any], cls: type, path: str) -> Iterator[str]:
    properties = declared(cls)
    for key, item in value.items():
        where = f"{path}.{key}" if path else key
        if key not in properties:
            yield f"{where}: unknown property (known are {', '.join(sorted(properties))})"
        else:
            yield from _check(item, properties[key].annotation, where)
    for key, declaration in properties.items():
        if declaration.required and value.get(key) is None:
            yield f"{path}.{key}: missing, but required" if path else f"{key}: missing, but required"


def _check(value: Any, annotation: Any, path: str) -> Iterator[str]:
    plain = options(annotation)
    if value is None or not plain:
        return
    # A union (an object or its JSON text, say) is met by any of its members.
    complaints = [list(_check_one(value, option, path)) for option in plain]
    if all(complaints):
        yield from min(complaints, key=len)


def _check_one(value: Any, option: Any, path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(option), typing.get_args(option)
    if origin in LISTS:
        if not isinstance(value, list):
            yield f"{path}: expected a list, got {value!r}"
            return
        for index, item in enumerate(value):
            yield from _check(item, arguments[0], f"{path}[{index}]")
    elif origin in MAPS:
        if not isinstance(value, dict):
            yield f"{path}: expected a map, got {value!r}"
            return
        for key, item in value.items():
            yield from _check(item, arguments[1], f"{path}.{key}")
    elif inspect.isclass(option):
        yield from _check_class(value, option, path)


def _check_class(value: Any, option: type, path: str) -> Iterator[str]:
    if is_object(option):
        if isinstance(value, dict):
            yield from _check_object(value, option, path)
        else:
            yield f"{path}: expected an object, got {value!r}"
    elif issubclass(option, enum.Enum):
        allowed = [member.value for member in option]
        if value not in allowed:
            yield f"{path}: {value!r} is not one of {', '.join(map(str, allowed))}"
    elif option.__module__.startswith("pulumi"):
        if not isinstance(value, Blob):
            yield f"{path}: expected an asset or archive, got {value!r}"
    elif not _is_scalar(value, option):
        yield f"{path}: expected {option.__name__}, got {value!r}"


def _is_scalar(value: Any, option: type) -> bool:
    if option is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if option is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return option not in (str, bool) or isinstance(value, option)


def _is_plumbing(annotation: Any) -> bool:
    name = getattr(typing.get_origin(annotation) or annotation, "__name__", "")
    return name in {"Awaitable", "Output"}
