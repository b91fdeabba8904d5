"""What an adapter is: Pulumi inputs → boto3 calls → id and outputs, for one resource type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from localcloud.engine.aws import Aws
from localcloud.engine.conversion import to_inputs
from localcloud.engine.inputs import Desired

ID = ""  # what `deletes` is given for the id, which is no output
T = TypeVar("T")


class Gone(Exception):
    """What was to be read does not exist any more."""


@dataclass(frozen=True)
class Created:
    """The provider's answer; `outputs` are the computed ones, the inputs are added by the engine."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


class Adapter(ABC):
    """Carries one resource type over.

    `create` must read every input it carries over from `desired`: what stays unread is refused. It runs twice, first
    against a cloud that only checks the calls (see `localcloud.engine.dry_run`), so it must keep no state.

    Attributes:
        token: the resource type.
        replaced_by: inputs that make a new resource when they change, in Pulumi's names; one that is nested there
            stands for all of its parent. From the source of terraform-provider-aws, on which pulumi-aws is built:
            `ForceNew` of its SDK's schemas, `RequiresReplace` of its framework's. A comment names the file below
            internal/service/ where it was looked up, in the state of December 2023 (ba22795759) unless it says
            otherwise. Left out is what the adapter refuses, and `region`, which replaces every resource that is in one
            ("Enhanced Region Support" of version 6).
        longest_name: how many characters pulumi-aws or AWS takes; None where neither has a limit of its own. pulumi-aws
            names what has no name of its own after the resource, with a hyphen and seven digits on top, and refuses one
            that gets too long at preview (pulumi-aws, provider/resources.go, AutoName; pulumi-terraform-bridge,
            NewUniqueHex). The services' models, which the engine checks as well, lack most of these limits.
        changeable: inputs that `update` carries over; None for all others.
        is_put: creating it once more is how it is changed.
    """

    token: ClassVar[str]
    replaced_by: ClassVar[tuple[str, ...]]
    longest_name: ClassVar[int | None] = None
    changeable: ClassVar[tuple[str, ...] | None] = None
    is_put: ClassVar[bool] = False

    @abstractmethod
    def create(self, aws: Aws, desired: Desired) -> Created: ...

    @abstractmethod
    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove the resource; `state` is what `Resource.outputs` holds."""

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        """Change the resource in place; answers the computed outputs that are new. Tags are not its business."""
        if not self.is_put:
            raise NotImplementedError(f"{resource_id} cannot be changed in place")
        return self.create(aws, desired).outputs

    @abstractmethod
    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """Every input that may be set and that AWS can change in place and tells of, as the cloud has it now.

        Raises:
            Gone: it does not exist; what AWS itself calls "not found" may come out as it is.
        """

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Those members of an answer that are inputs, in their names and forms."""
        return to_inputs(self.token, answer)


def deletes(service: str, method: str, **params: str) -> Any:  # a type with parameter names is no method to mypy
    """Make an `Adapter.delete` of one call, whose parameters are `ID` or the names of outputs."""

    def delete(_adapter: Any, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        given = {param: resource_id if key == ID else state[key] for param, key in params.items()}
        getattr(aws.client(service), method)(**given)

    return delete


def only(found: Sequence[T], resource_id: str) -> T:
    """The one that was looked for.

    Raises:
        Gone: nothing was found.
    """
    if not found:
        raise Gone(resource_id)
    return found[0]


AdapterT = TypeVar("AdapterT", bound=Adapter)
ADAPTERS: dict[str, Adapter] = {}


def carries(token: str) -> Callable[[type[AdapterT]], type[AdapterT]]:
    """Register an adapter class for the resource type `token`."""

    def register(cls: type[AdapterT]) -> type[AdapterT]:
        cls.token = token
        ADAPTERS[token] = cls()
        return cls

    return register
