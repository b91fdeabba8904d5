"""Adapters of what a service creates, updates, gets or describes, and deletes by one call each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created
from localcloud.engine.adapters.answers import accepted
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired


class NounAdapter(Adapter):
    """One whose calls are named `create_{noun}` and so on, and take the same parameters.

    Attributes:
        getting: what the service calls it, `get` or `describe`.
        named_by: the parameters that say which one it is → `ID` or the name of an output.
    """

    service: ClassVar[str]
    noun: ClassVar[str]
    getting: ClassVar[str] = "get"
    named_by: ClassVar[Mapping[str, str]]

    @abstractmethod
    def request(self, desired: Desired) -> dict[str, Any]:
        """What the create call takes; the update call gets what it knows of that."""

    @abstractmethod
    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        """What the answer of the create call says."""

    @abstractmethod
    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        """As `Adapter.read`, of the answer of the get call."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self.request(desired)
        return self.created(aws, request, self._call(aws, "create", request))

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        self._call(aws, "update", {**self.request(desired), **self._which(resource_id, state)})
        return {}

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        self._call(aws, "delete", self._which(resource_id, state))

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(self._call(aws, self.getting, self._which(resource_id, state)), state)

    def _which(self, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return {param: resource_id if key == ID else state[key] for param, key in self.named_by.items()}

    def _call(self, aws: Aws, verb: str, params: Mapping[str, Any]) -> dict[str, Any]:
        client, method = aws.client(self.service), f"{verb}_{self.noun}"
        known = params if verb == "create" else accepted(client, method, params)
        answer: dict[str, Any] = getattr(client, method)(**known)
        return answer
