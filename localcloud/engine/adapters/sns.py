"""SNS topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.inputs import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired


@carries("aws:sns/topic:Topic")
class Topic(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        attributes = inputs.pick("displayName", "kmsMasterKeyId")
        if "policy" in inputs:
            attributes["Policy"] = json_text(inputs["policy"])
        arn = aws.client("sns").create_topic(
            Name=name,
            **({"Attributes": attributes} if attributes else {}),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )["TopicArn"]
        return Created(arn, {"name": name, "arn": arn, "owner": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del state
        aws.client("sns").delete_topic(TopicArn=resource_id)
