"""SNS topics, their policies and subscriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import camel
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, json_text

_OWNERS_ACTIONS = (
    "AddPermission",
    "DeleteTopic",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "Publish",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
)


@carries("aws:sns/topic:Topic")
class Topic(Adapter):
    changeable = ()
    delete = deletes("sns", "delete_topic", TopicArn=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        attributes = inputs.pick("kmsMasterKeyId")
        if "signatureVersion" in inputs:
            attributes["SignatureVersion"] = str(int(inputs["signatureVersion"]))
        arn = aws.client("sns").create_topic(
            Name=name,
            **({"Attributes": attributes} if attributes else {}),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )["TopicArn"]
        return Created(arn, {"name": name, "arn": arn, "owner": aws.account})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("sns").get_topic_attributes(TopicArn=resource_id)["Attributes"]
        name = str(found["TopicArn"]).rpartition(":")[2]
        # SNS leaves the version out where it was never set.
        version = {"signatureVersion": int(found["SignatureVersion"])} if "SignatureVersion" in found else {}
        return {**camel(found, "kmsMasterKeyId"), **version, "name": name}


@carries("aws:sns/topicPolicy:TopicPolicy")
class TopicPolicy(Adapter):
    found_by = ("arn",)
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        arn = desired.inputs["arn"]
        policy = json_text(desired.inputs["policy"])
        _set_policy(aws, arn, policy)
        return Created(arn, {"owner": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        """Leaves what a topic comes with: SNS takes no empty policy."""
        _set_policy(aws, resource_id, json.dumps(_default_policy(resource_id, aws.account)))

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(aws.client("sns").get_topic_attributes(TopicArn=resource_id)["Attributes"], "policy")


@carries("aws:sns/topicSubscription:TopicSubscription")
class TopicSubscription(Adapter):
    changeable = ()
    delete = deletes("sns", "unsubscribe", SubscriptionArn=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        arn = aws.client("sns").subscribe(
            TopicArn=inputs["topic"],
            **inputs.pick("protocol", "endpoint"),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return Created(arn, {"arn": arn, "ownerId": aws.account})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("sns").get_subscription_attributes(SubscriptionArn=resource_id)["Attributes"]
        return {**camel(found, "endpoint", "protocol"), "topic": found["TopicArn"]}


def _set_policy(aws: Aws, topic_arn: str, policy: str) -> None:
    aws.client("sns").set_topic_attributes(TopicArn=topic_arn, AttributeName="Policy", AttributeValue=policy)


def _default_policy(topic_arn: str, account: str) -> dict[str, Any]:
    """The owner alone (SNS developer guide, "Example cases for Amazon SNS access control")."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _OWNERS_ACTIONS],
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
