"""Pulumi's inputs in AWS's names and forms, and the other way round.

The two mostly differ in case (`callbackUrls`, CallbackURLs), so that the service's model says what a parameter is
called, and the SDK's types what an input is. Five forms differ as well:

- a map (`{"a": "b"}`) is a list of keys or names with their values for many services;
- CloudFront counts its lists (`{"Quantity": 1, "Items": ["a"]}`);
- documents that a program may give as objects are JSON texts;
- some booleans and numbers are texts, for AWS or for Pulumi;
- what is not given is None here, and left out there.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from typing import Any

from botocore.client import BaseClient
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from localcloud.engine import sdk_types
from localcloud.engine.errors import RefusedInputError

_COUNTED = {"Quantity", "Items"}
_NOT_READ = ("region", "tags")  # read in another way, by localcloud.engine.existing


def register(client: BaseClient) -> None:
    """Make `client` take parameters in Pulumi's names and forms, as well as in AWS's."""
    convert: Any = _convert  # the stubs do not know that a handler may answer with other parameters
    client.meta.events.register("provide-client-params", convert)


def accepted(client: BaseClient, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a create call's parameters that the matching update call has, too."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    known = {name.lower() for name in model.input_shape.members} if model.input_shape else set()
    return {key: value for key, value in params.items() if key.lower() in known}


def to_aws(shape: Shape, value: Any, path: str = "") -> Any:
    """As a parameter of that shape.

    Raises:
        RefusedInputError: the shape has no member of some name.
    """
    if isinstance(shape, StructureShape):
        return _structure(shape, value, path)
    if isinstance(shape, ListShape) and isinstance(value, (list, Mapping)):
        items = value if isinstance(value, list) else _pairs(shape.member, value)
        return [to_aws(shape.member, item, f"{path}[{index}]") for index, item in enumerate(items)]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: to_aws(shape.value, item, f"{path}.{key}") for key, item in value.items() if item is not None}
    if shape.type_name == "string" and not isinstance(value, str):
        return json.dumps(value)
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    return value


def to_inputs(token: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Those members of an answer that are inputs of the resource type, but for tags; AWS has more than Pulumi."""
    inputs: dict[str, Any] = _to_pulumi(sdk_types.args_class(token), answer)
    return {key: value for key, value in inputs.items() if key not in _NOT_READ}


def _convert(params: Mapping[str, Any], model: OperationModel, **_: Any) -> Any:
    return to_aws(model.input_shape, params) if model.input_shape else params


def _structure(shape: StructureShape, value: Any, path: str) -> Any:
    is_counted = set(shape.members) >= _COUNTED
    given = {"Items": value} if is_counted and isinstance(value, list) else value
    if not isinstance(given, Mapping):
        return value
    names = {name.lower(): name for name in shape.members}
    found: dict[str, Any] = {}
    for key, item in given.items():
        if item is None:
            continue
        where, name = f"{path}.{key}".lstrip("."), names.get(key.lower())
        if name is None:
            raise RefusedInputError(f"{where}: AWS takes no such parameter; known are {', '.join(shape.members)}")
        found[name] = to_aws(shape.members[name], item, where)
    if not is_counted:
        return found
    items = found.pop("Items", None)
    return {"Quantity": len(items), **found, "Items": items} if items else {"Quantity": 0, **found}


def _pairs(shape: Shape, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A map as a list of structures, whose first member is the key: Key or Name, and Value."""
    members = shape.members if isinstance(shape, StructureShape) else ()
    return [dict(zip(members, pair, strict=True)) for pair in value.items()]


def _to_pulumi(annotation: Any, value: Any) -> Any:
    options = sdk_types.options(annotation)
    if not options or value is None:
        return value
    option = options[0]
    origin = typing.get_origin(option)
    if origin in sdk_types.LISTS:
        items = value.get("Items", []) if isinstance(value, dict) else value
        return [_to_pulumi(typing.get_args(option)[0], item) for item in items]
    if origin in sdk_types.MAPS:
        return {pair.get("Key") or pair["Name"]: pair["Value"] for pair in value} if isinstance(value, list) else value
    if sdk_types.is_object(option) and isinstance(value, dict):
        declared = {name.lower(): (name, each.annotation) for name, each in sdk_types.declared(option).items()}
        known = [(*declared[key.lower()], item) for key, item in value.items() if key.lower() in declared]
        return {name: _to_pulumi(inner, item) for name, inner, item in known}
    return json.dumps(value) if option is str and isinstance(value, dict) else value
