"""What becomes of resources that exist: read, changed in place, replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.engine import registry
from localcloud.engine.adapters.adapter import Gone
from localcloud.engine.aws import Aws
from localcloud.engine.differences import changed, drifted
from localcloud.engine.errors import RefusedInputError
from localcloud.engine.inputs import Desired
from localcloud.engine.records import Resource

_NOT_FOUND = re.compile(r"NotFound|NoSuch|DoesNotExist|NonExistent|NotExist|^404$")
_TAGS = ("tags", "tagsAll")
# A resource that is in a region moves by being created again (terraform-provider-aws, "Enhanced Region Support").
_ALWAYS_REPLACED = ("region",)


@dataclass(frozen=True)
class Difference:
    """The inputs that changed, and those among them that make a new resource."""

    changed: list[str]
    replaced: list[str]


def compare(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    names = changed(old, new)
    replaced_by = {*registry.adapter(token).replaced_by, *_ALWAYS_REPLACED}
    return Difference(names, [name for name in names if name in replaced_by])


def update(cloud: Aws, resource: Resource, old_inputs: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Change the resource to its `inputs`; `outputs` hold what it was, `tags` all that it has to have.

    Raises:
        RefusedInputError: the local cloud cannot change one of these inputs in place.
    """
    adapter = registry.adapter(resource.type)
    names = [name for name in changed(old_inputs, resource.inputs) if name not in _TAGS]
    stuck = [name for name in names if adapter.changeable is not None and name not in adapter.changeable]
    if stuck:
        raise RefusedInputError(f"{', '.join(stuck)}: the local cloud cannot change this in place; start it again")
    outputs: dict[str, Any] = {}
    if names:
        given = {} if adapter.is_put else tags
        desired = Desired(resource.urn, resource.name, resource.inputs, given, adapter.longest_name)
        outputs = adapter.update(cloud, str(resource.id), desired, resource.outputs)
    _retag(cloud, resource, dict(resource.outputs.get("tagsAll") or {}), tags)
    return outputs


def read(cloud: Aws, resource: Resource) -> dict[str, Any] | None:
    """Live values of those inputs that differ from the recorded ones; None if the resource is gone."""
    try:
        live = registry.adapter(resource.type).read(cloud, str(resource.id), resource.outputs)
    except Gone:
        return None
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return {**drifted(resource.inputs, live), **_drifted_tags(cloud, resource)}


def is_missing(error: ClientError) -> bool:
    """Whether AWS answered that what was asked about is not there."""
    return _NOT_FOUND.search(str(error.response.get("Error", {}).get("Code"))) is not None


def _drifted_tags(cloud: Aws, resource: Resource) -> dict[str, Any]:
    """All live tags if they are not the recorded ones; what the tagging API does not list is not compared."""
    recorded, arn = resource.outputs.get("tagsAll"), str(resource.outputs.get("arn") or "")
    if not (recorded and arn):
        return {}
    listed = cloud.client("resourcegroupstaggingapi").get_resources(ResourceARNList=[arn])["ResourceTagMappingList"]
    live = {tag["Key"]: tag["Value"] for each in listed for tag in each["Tags"]}
    return {"tagsAll": live} if listed and live != recorded else {}


def _retag(cloud: Aws, resource: Resource, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    arn = str(resource.outputs.get("arn") or "")
    if old == new or not arn:
        return
    tagging = cloud.client("resourcegroupstaggingapi")
    removed = sorted(set(old) - set(new))
    if removed:
        _all_tagged(tagging.untag_resources(ResourceARNList=[arn], TagKeys=removed))
    if new:
        _all_tagged(tagging.tag_resources(ResourceARNList=[arn], Tags=dict(new)))


def _all_tagged(answer: Mapping[str, Any]) -> None:
    for arn, failure in answer.get("FailedResourcesMap", {}).items():
        raise RefusedInputError(f"tags of {arn}: {failure.get('ErrorMessage')}")
