"""What a deployment is made of: plain values that outlive the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """An AWS-compatible endpoint, and who calls it."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Blob:
    """The content of a Pulumi asset or archive (an archive is a zip file)."""

    data: bytes = field(repr=False)
    source: str


@dataclass(frozen=True)
class ResourceOptions:
    """The Pulumi resource options that change what the engine does.

    `provider` is the reference of an explicit provider (`urn::id`), or empty.
    """

    protect: bool = False
    retain_on_delete: bool = False
    provider: str = ""


@dataclass
class Resource:
    """One registered resource, like an entry of a Pulumi checkpoint.

    Keys of `inputs` and `outputs` are camelCase; secrets are plain; whole numbers are `int`; assets and archives
    are `Blob`. `property_dependencies` maps an input's name to the URNs it was made of.
    `outputs` holds the inputs too, as Pulumi's state does.
    """

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    options: ResourceOptions = field(default_factory=ResourceOptions)


@dataclass
class Deployment:
    """Every resource in the order in which it came into being, and the stack's exports.

    `region` is the region of the default provider; `seconds` is the wall time of the run.
    """

    resources: list[Resource]
    outputs: dict[str, Any]
    seconds: float
    region: str

    def of_type(self, token: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type == token]
