"""Budgets; the service has one place for all regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.errors import ServiceRuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

# aws-cost-management/latest/APIReference/API_budgets_NotificationWithSubscribers.html; the model allows 11 of any kind
_TOPICS = 1


@carries("aws:budgets/budget:Budget")
class Budget(Adapter):
    """Fixed budgets with their notifications; planned limits, auto-adjusting and filter expressions are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        filters = {each["name"]: each["values"] for each in inputs.children("costFilters")}
        notifications = [_notification(each) for each in inputs.children("notifications")]
        aws.client("budgets").create_budget(
            AccountId=aws.account,
            Budget={
                "BudgetName": name,
                "BudgetLimit": {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]},
                **inputs.pick("budgetType", "timeUnit"),
                **({"CostFilters": filters} if filters else {}),
            },
            **({"NotificationsWithSubscribers": notifications} if notifications else {}),
            **({"ResourceTags": desired.tag_list} if desired.tags else {}),
        )
        arn = f"arn:{aws.partition}:budgets::{aws.account}:budget/{name}"
        return Created(f"{aws.account}:{name}", {"name": name, "arn": arn, "accountId": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        account, _, name = resource_id.partition(":")
        del state
        aws.client("budgets").delete_budget(AccountId=account, BudgetName=name)


def _notification(given: Inputs) -> dict[str, Any]:
    topics = given.get("subscriberSnsTopicArns", [])
    if len(topics) > _TOPICS:
        raise ServiceRuleError(f"notifications.subscriberSnsTopicArns: {len(topics)} topics; a notification takes one")
    subscribers = [("SNS", topic) for topic in topics]
    subscribers += [("EMAIL", address) for address in given.get("subscriberEmailAddresses", [])]
    if not subscribers:
        raise ServiceRuleError("notifications: a notification needs a subscriber")
    return {
        "Notification": given.pick("comparisonOperator", "notificationType", "threshold", "thresholdType"),
        "Subscribers": [{"SubscriptionType": kind, "Address": address} for kind, address in subscribers],
    }
