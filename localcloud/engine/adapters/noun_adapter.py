"""Adapters of what a service creates, updates, gets or describes, and deletes by one call each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created
from localcloud.engine.aws import Aws
from localcloud.engine.conversion import accepted
from localcloud.engine.inputs import Desired


class NounAdapter(Adapter):
    """One whose calls are named `create_{noun}` and so on, and take the same parameters.

    Attributes:
        getting: what the service calls it, `get` or `describe`.
        named_by: the parameters that say which one it is → `ID` or the name of an output.
        inputs: those that the create call takes as they are; the update call gets what it knows of that.
        name_as, tags_as: the parameters for name and tags, where it has them.
    """

    service: ClassVar[str]
    noun: ClassVar[str]
    getting: ClassVar[str] = "get"
    named_by: ClassVar[Mapping[str, str]]
    inputs: ClassVar[tuple[str, ...]]
    name_as: ClassVar[str] = ""
    tags_as: ClassVar[str] = ""

    def request(self, desired: Desired) -> dict[str, Any]:
        """What the create call takes."""
        name = {self.name_as: desired.physical_name()} if self.name_as else {}
        tags = {self.tags_as: desired.tags} if self.tags_as else {}
        return {**name, **desired.inputs.take(*self.inputs), **tags}

    def identity(self, made: Mapping[str, Any]) -> str:
        """The resource's id; `made` has the create call's parameters, and what it answered."""
        [parameter] = [each for each, key in self.named_by.items() if key == ID]
        return str(made[parameter])

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        """The computed outputs, but for the name; `made` is as for `identity`."""
        return {}

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self.request(desired)
        made = {**request, **self.within(self.call(aws, "create", request))}
        name = {"name": request[self.name_as]} if self.name_as else {}
        return Created(self.identity(made), {**name, **self.outputs(aws, made)})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        self.call(aws, "update", {**self.request(desired), **self.which(resource_id, state)})
        return {}

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        self.call(aws, "delete", self.which(resource_id, state))

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(self.within(self.call(aws, self.getting, self.which(resource_id, state))))

    def within(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a call answers of the resource, which many services have in a member of its name."""
        found: Mapping[str, Any] = answer.get(self.shape, answer)
        return found

    @property
    def shape(self) -> str:
        """The noun as members of answers have it: `user_pool` is UserPool."""
        return "".join(map(str.title, self.noun.split("_")))

    def which(self, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return {param: resource_id if key == ID else state[key] for param, key in self.named_by.items()}

    def call(self, aws: Aws, verb: str, params: Mapping[str, Any]) -> dict[str, Any]:
        client, method = aws.client(self.service), f"{verb}_{self.noun}"
        known = params if verb == "create" else accepted(client, method, params)
        answer: dict[str, Any] = getattr(client, method)(**known)
        return answer
