"""SNS topics, their policies and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired

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
    replaced_by = ("name",)  # sns/topic.go
    longest_name = 256  # API reference, CreateTopic
    changeable = ()
    delete = deletes("sns", "delete_topic", TopicArn=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        attributes = {
            "KmsMasterKeyId": inputs.get("kmsMasterKeyId"),
            "SignatureVersion": inputs.get("signatureVersion"),
        }
        arn = aws.client("sns").create_topic(Name=name, Attributes=attributes, Tags=desired.tags)["TopicArn"]
        return Created(arn, {"name": name, "arn": arn, "owner": aws.account})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("sns").get_topic_attributes(TopicArn=resource_id)["Attributes"]
        return self.live({**found, "Name": str(found["TopicArn"]).rpartition(":")[2]})


@carries("aws:sns/topicPolicy:TopicPolicy")
class TopicPolicy(Adapter):
    replaced_by = ("arn",)  # sns/topic_policy.go
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        arn = desired.inputs["arn"]
        _set_policy(aws, arn, desired.inputs["policy"])
        return Created(arn, {"owner": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        """Leaves what a topic comes with: SNS takes no empty policy."""
        _set_policy(aws, resource_id, _default_policy(resource_id, aws.account))

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(aws.client("sns").get_topic_attributes(TopicArn=resource_id)["Attributes"])


@carries("aws:sns/topicSubscription:TopicSubscription")
class TopicSubscription(Adapter):
    replaced_by = ("endpoint", "protocol", "topic")  # sns/topic_subscription.go
    changeable = ()
    delete = deletes("sns", "unsubscribe", SubscriptionArn=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        given = {"TopicArn": inputs["topic"], **inputs.take("protocol", "endpoint")}
        arn = aws.client("sns").subscribe(**given, ReturnSubscriptionArn=True)["SubscriptionArn"]
        return Created(arn, {"arn": arn, "ownerId": aws.account})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("sns").get_subscription_attributes(SubscriptionArn=resource_id)["Attributes"]
        return self.live({**found, "Topic": found["TopicArn"]})


def _set_policy(aws: Aws, topic_arn: str, policy: Any) -> None:
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
