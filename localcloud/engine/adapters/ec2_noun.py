"""What EC2 creates, describes and deletes by calls that are named alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import only
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired


def tag_specifications(desired: Desired, kind: str) -> list[dict[str, Any]] | None:
    """Tags as EC2's create calls take them."""
    return [{"ResourceType": kind, "Tags": desired.tags}] if desired.tags else None


class Ec2Noun(NounAdapter):
    """One by id, which is changed by other calls, if at all."""

    service = "ec2"
    changeable: ClassVar[tuple[str, ...] | None] = ()

    @property
    def kind(self) -> str:
        """As ARNs and tag specifications have it."""
        return self.noun.replace("_", "-")

    def request(self, desired: Desired) -> dict[str, Any]:
        return {**super().request(desired), "TagSpecifications": tag_specifications(desired, self.kind)}

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {"arn": aws.arn("ec2", f"{self.kind}/{self.identity(made)}"), "ownerId": aws.account}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(self.described(aws, resource_id))

    def described(self, aws: Aws, resource_id: str) -> Any:
        """What the describe call says; its parameter and its answer are lists."""
        [parameter] = self.named_by
        answer = getattr(aws.client("ec2"), f"describe_{self.noun}s")(**{f"{parameter}s": [resource_id]})
        return only(answer[f"{self.shape}s"], resource_id)
