"""What an adapter is: Pulumi inputs → boto3 calls → id and outputs, for one resource type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired


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
        replaced_by: inputs whose change makes a new resource, as terraform-provider-aws has it ("ForceNew"), on which
            pulumi-aws is built.
        changeable: inputs that `update` carries over; None for all others.
        is_put: creating it once more is how it is changed.
    """

    replaced_by: ClassVar[tuple[str, ...]] = ()
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
        """The inputs as the cloud has them now, as far as it tells.

        Raises:
            Gone: it does not exist; what AWS itself calls "not found" may come out as it is.
        """


AdapterT = TypeVar("AdapterT", bound=Adapter)
ADAPTERS: dict[str, Adapter] = {}


def carries(token: str) -> Callable[[type[AdapterT]], type[AdapterT]]:
    """Register an adapter class for the resource type `token`."""

    def register(cls: type[AdapterT]) -> type[AdapterT]:
        ADAPTERS[token] = cls()
        return cls

    return register
