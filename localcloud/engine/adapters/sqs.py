"""SQS queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs

# Pulumi's name → the attribute's.
_ATTRIBUTES = {
    "kmsMasterKeyId": "KmsMasterKeyId",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
}
_NAME = r"[A-Za-z0-9_-]{1,80}"  # SQS API reference, CreateQueue


@carries("aws:sqs/queue:Queue")
class Queue(Adapter):
    replaced_by = ("name",)  # sqs/queue.go
    longest_name = 80  # API reference, CreateQueue
    delete = deletes("sqs", "delete_queue", QueueUrl=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        name = desired.physical_name(rule=_NAME)
        attributes = _attributes(desired.inputs)
        url = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes, tags=desired.tags)["QueueUrl"]
        return Created(url, {"name": name, "url": url, "arn": aws.arn("sqs", name)})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        attributes = _attributes(desired.inputs)
        aws.client("sqs").set_queue_attributes(QueueUrl=resource_id, Attributes=attributes)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("sqs").get_queue_attributes(QueueUrl=resource_id, AttributeNames=["All"])
        return {our: answer["Attributes"][their] for our, their in _ATTRIBUTES.items() if their in answer["Attributes"]}


def _attributes(inputs: Inputs) -> dict[str, Any]:
    return {attribute: inputs.get(key) for key, attribute in _ATTRIBUTES.items()}
