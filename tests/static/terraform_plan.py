"""A deployment as the JSON of a Terraform plan, which is what scanners of infrastructure read.

pulumi-aws is made from the Terraform provider, so names differ by rule: camelCase for snake_case, plural names for
repeated blocks, an object where Terraform has a block that comes once (a plan has a list of one). "JSON Output Format"
in Terraform's documentation has the plan's form.
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.engine.archives import Blob
from localcloud.engine.records import Deployment, Resource

_TYPES = {"aws:s3/bucketObjectv2:BucketObjectv2": "aws_s3_object"}
# Terraform's names of what the EC2 service has begin with no "ec2".
_UNNAMED_MODULES = {"ec2"}
# Their keys are the program's own words.
_MAPS = {"tags", "variables"}
# Repeated blocks whose name is a plural in Terraform too.
_PLURAL_BLOCKS = {"block_device_mappings"}
_CODE = {"code": "filename"}


def terraform_plan(deployment: Deployment) -> dict[str, Any]:
    """Resources with their values, and which of them were made of which others."""
    managed = [each for each in deployment.resources if each.custom and each.type.startswith("aws:")]
    addresses = {each.urn: _address(each) for each in managed}
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": [_planned(each) for each in managed]}},
        "resource_changes": [
            {
                **_head(each),
                "change": {"actions": ["create"], "before": None, "after": _values(each), "after_unknown": {}},
            }
            for each in managed
        ],
        "configuration": {"root_module": {"resources": [_configured(each, addresses) for each in managed]}},
    }


def terraform_type(token: str) -> str:
    """`aws:s3/bucket:Bucket` → `aws_s3_bucket`."""
    if token in _TYPES:
        return _TYPES[token]
    _, module, name = re.split("[:/]", token)[:3]
    words = [] if module in _UNNAMED_MODULES else [module]
    return "_".join(["aws", *words, snake(name)])


def snake(name: str) -> str:
    """`cidrIpv4` → `cidr_ipv4`."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _head(resource: Resource) -> dict[str, Any]:
    return {
        "address": _address(resource),
        "mode": "managed",
        "type": terraform_type(resource.type),
        "name": label(resource),
        "provider_name": "aws",
    }


def _address(resource: Resource) -> str:
    return f"{terraform_type(resource.type)}.{label(resource)}"


def label(resource: Resource) -> str:
    """The resource's name as an address has it."""
    return re.sub(r"\W", "_", resource.name)


def _planned(resource: Resource) -> dict[str, Any]:
    return {**_head(resource), "schema_version": 0, "values": _values(resource)}


def _values(resource: Resource) -> dict[str, Any]:
    return _block(resource.inputs)


def _configured(resource: Resource, addresses: dict[str, str]) -> dict[str, Any]:
    """The resource's expressions: as far as it was made of other resources, which."""
    expressions: dict[str, Any] = {}
    for key, urns in resource.property_dependencies.items():
        references = sorted({addresses[urn] for urn in urns if urn in addresses})
        if references:
            name, _ = _entry(key, resource.inputs.get(key))
            expressions[name] = {"references": references}
    return {**_head(resource), "provider_config_key": "aws", "expressions": expressions, "schema_version": 0}


def _block(values: dict[str, Any]) -> dict[str, Any]:
    return dict(_entry(key, value) for key, value in values.items())


def _entry(key: str, value: Any) -> tuple[str, Any]:
    name = _CODE.get(key, snake(key))
    if isinstance(value, Blob):
        return name, value.source
    if name in _MAPS:
        return name, value
    if isinstance(value, dict):
        return name, [_block(value)]
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return name if name in _PLURAL_BLOCKS else _singular(name), [_block(each) for each in value]
    return name, value


def _singular(name: str) -> str:
    return re.sub(r"(?<=x)es$|(?<!s)s$", "", name)
