"""AWS's calls and answers, turned into each other's form and into Pulumi's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

from botocore.client import BaseClient

from localcloud.engine.inputs import camel_keys, pascal

T = TypeVar("T")


class Gone(Exception):
    """What was to be read does not exist any more."""


def accepted(client: BaseClient, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a create call's parameters that the matching update call has, too."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    return {key: value for key, value in params.items() if model.input_shape and key in model.input_shape.members}


def camel(answer: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The opposite of `Inputs.pick`: those of an answer's members that Pulumi calls `keys`."""
    return {key: camel_keys(answer[pascal(key)]) for key in keys if pascal(key) in answer}


def only(found: Sequence[T], resource_id: str) -> T:
    """The one that was looked for.

    Raises:
        Gone: nothing was found.
    """
    if not found:
        raise Gone(resource_id)
    return found[0]


def policy_text(document: Any) -> str:
    """A policy as IAM answers it: an object with boto3, text in URL encoding on the wire."""
    return unquote(document) if isinstance(document, str) else json.dumps(document)
