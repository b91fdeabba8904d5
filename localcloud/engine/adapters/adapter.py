"""What an adapter is: Pulumi inputs → boto3 calls → id and outputs, for one resource type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired

ID = ""  # what `deletes` is given for the id, which is no output
PROVIDERS_OWN = "only tells the provider what to do"  # a reason why AWS does not return an input


@dataclass(frozen=True)
class Created:
    """The provider's answer; `outputs` are the computed ones, the inputs are added by the engine."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


class Adapter(ABC):
    """Carries one resource type over.

    `create` must read every input it carries over from `desired`: what stays unread is refused. It runs twice, first
    against a cloud that only checks the calls (see `localcloud.engine.dry_run`), so it must keep no state.

    Which inputs make a new resource says `localcloud.engine.replacement_rules`.

    Attributes:
        changeable: inputs that `update` carries over; None for all others.
        found_by: inputs by which `read` finds the resource: they are what was found.
        unread: inputs that AWS does not return, and why.
        is_put: creating it once more is how it is changed.
    """

    changeable: ClassVar[tuple[str, ...] | None] = None
    found_by: ClassVar[tuple[str, ...]] = ()
    unread: ClassVar[Mapping[str, str]] = MappingProxyType({})
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
        """Every input that may be set, but for `found_by` and `unread`, as the cloud has it now.

        Raises:
            Gone: it does not exist; what AWS itself calls "not found" may come out as it is.
        """


def deletes(service: str, method: str, **params: str) -> Any:  # a type with parameter names is no method to mypy
    """Make an `Adapter.delete` of one call, whose parameters are `ID` or the names of outputs."""

    def delete(_adapter: Any, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        given = {param: resource_id if key == ID else state[key] for param, key in params.items()}
        getattr(aws.client(service), method)(**given)

    return delete


AdapterT = TypeVar("AdapterT", bound=Adapter)
ADAPTERS: dict[str, Adapter] = {}


def carries(token: str) -> Callable[[type[AdapterT]], type[AdapterT]]:
    """Register an adapter class for the resource type `token`."""

    def register(cls: type[AdapterT]) -> type[AdapterT]:
        ADAPTERS[token] = cls()
        return cls

    return register
