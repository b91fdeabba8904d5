"""Recorded inputs against the installed SDK's own types."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.engine.records import Blob, Resource
from localcloud.engine.sdk_types import args_class, check, declared

FUNCTION = "aws:lambda/function:Function"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"


def resource(token: str, **inputs: Any) -> Resource:
    return Resource("urn", token, "name", "", custom=True, inputs=inputs)


@pytest.mark.parametrize(
    ("token", "inputs", "complaint"),
    [
        (FUNCTION, {}, "role: missing, but required"),
        (FUNCTION, {"role": "r", "timeout": "3"}, "timeout: expected int, got '3'"),
        (FUNCTION, {"role": "r", "publish": 1}, "publish: expected bool, got 1"),
        (FUNCTION, {"role": "r", "layers": "l"}, "layers: expected a list, got 'l'"),
        (
            FUNCTION,
            {"role": "r", "environment": {"variables": {"A": 1}}},
            "environment.variables.A: expected str, got 1",
        ),
        (FUNCTION, {"role": "r", "environment": "A=1"}, "environment: expected an object, got 'A=1'"),
        (FUNCTION, {"role": "r", "code": "path"}, "code: expected an asset or archive, got 'path'"),
        (FUNCTION, {"role": "r", "memory": 1}, "memory: unknown property"),
        (FUNCTION, {"role": "r", "tracingConfig": {}}, "tracingConfig.mode: missing, but required"),
        (
            "aws:s3/bucketVersioning:BucketVersioning",
            {"bucket": "b", "versioningConfiguration": {"state": "Enabled"}},
            "versioningConfiguration.state: unknown property (known are mfaDelete, status)",
        ),
        ("aws:nothing/thing:Thing", {}, "aws:nothing/thing:Thing: the installed pulumi_aws has no such resource"),
    ],
)
def test_a_wrong_input_is_told_with_its_path(token: str, inputs: dict[str, Any], complaint: str) -> None:
    assert any(found.startswith(complaint) for found in check(resource(token, **inputs)))


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        pytest.param(POLICY, {"bucket": "b", "policy": "{}"}, id="a policy's text"),
        pytest.param(POLICY, {"bucket": "b", "policy": {"Version": "2012-10-17", "Statement": []}}, id="a policy"),
        pytest.param(FUNCTION, {"role": "r", "code": Blob(b"", "x")}, id="an archive"),
    ],
)
def test_what_is_right_is_let_through(token: str, inputs: dict[str, Any]) -> None:
    assert check(resource(token, **inputs)) == []


def test_the_arguments_of_a_resource_are_not_confused_with_a_nested_type_of_that_name() -> None:
    args = args_class("aws:s3/bucketVersioning:BucketVersioning")
    assert args is not None
    assert declared(args)["bucket"].required
