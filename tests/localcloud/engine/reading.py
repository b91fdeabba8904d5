"""Whether a resource is read back as it was made, by whichever engine."""

from __future__ import annotations

from localcloud.engine.aws import Aws
from localcloud.engine.differences import drifted
from localcloud.engine.records import Deployment, Resource
from localcloud.engine.registry import adapter

_NOT_ANSWERED = {
    ("aws:sfn/stateMachine:StateMachine", "tracingConfiguration"),  # by the emulator alone: drift is not seen here
    ("aws:lambda/function:Function", "code"),  # AWS has the bytes, not what they were made of
    ("aws:s3/bucketObjectv2:BucketObjectv2", "content"),
    ("aws:s3/bucketObjectv2:BucketObjectv2", "source"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "updateDefaultVersion"),  # only tells the provider what to do
    ("aws:s3/bucket:Bucket", "forceDestroy"),
}
_ENGINES_OWN = {"__defaults", "region", "tags", "tagsAll"}  # tags are compared by localcloud.engine.existing


def read_otherwise(cloud: Aws, deployment: Deployment) -> dict[str, list[str]]:
    """URN → inputs that were not read back at all, or not as they are recorded."""
    resources = [each for each in deployment.resources if each.type.startswith("aws:")]
    return {each.urn: wrong for each in resources if (wrong := _wrong(cloud, each))}


def _wrong(cloud: Aws, resource: Resource) -> list[str]:
    found = adapter(resource.type)
    inputs = {key: value for key, value in resource.inputs.items() if key not in _ENGINES_OWN}
    live = found.read(cloud.in_region(str(resource.outputs["region"])), str(resource.id), resource.outputs)
    told = {*live, *found.replaced_by}  # what makes a new resource does not change in one that is there
    unread = {key for key in set(inputs) - told if (resource.type, key) not in _NOT_ANSWERED}
    answered = {key for key in live if (resource.type, key) in _NOT_ANSWERED}  # the emulator has learnt it
    return sorted({*unread, *answered, *drifted(inputs, live)})
