"""Budgets; the service has one place for all regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired


@carries("aws:budgets/budget:Budget")
class Budget(Adapter):
    """Fixed budgets that notify topics; planned limits, auto-adjusting and filter expressions are refused."""

    replaced_by = ("accountId", "name")  # budgets/budget.go
    longest_name = 100  # Budgets API reference, Budget

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(aws, desired)
        aws.client("budgets").create_budget(**request)
        name = request["Budget"]["BudgetName"]
        arn = f"arn:{aws.partition}:budgets::{aws.account}:budget/{name}"
        return Created(f"{aws.account}:{name}", {"name": name, "arn": arn, "accountId": aws.account})

    def _request(self, aws: Aws, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        filters = {each["name"]: each["values"] for each in inputs.get("costFilters", [])}
        notifications = [_notification(each) for each in inputs.get("notifications", [])]
        return {
            "AccountId": aws.account,
            "Budget": {
                "BudgetName": desired.physical_name(),
                "BudgetLimit": {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]},
                "CostFilters": filters or None,
                **inputs.take("budgetType", "timeUnit"),
            },
            "NotificationsWithSubscribers": notifications or None,
            "ResourceTags": desired.tags,
        }

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        account, _, name = resource_id.partition(":")
        aws.client("budgets").delete_budget(AccountId=account, BudgetName=name)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        budgets, request = aws.client("budgets"), self._request(aws, desired)
        of = {"AccountId": request["AccountId"], "BudgetName": request["Budget"]["BudgetName"]}
        budgets.update_budget(AccountId=aws.account, NewBudget=request["Budget"])
        for found in budgets.describe_notifications_for_budget(**of).get("Notifications", []):
            budgets.delete_notification(**of, Notification=found)
        for given in request["NotificationsWithSubscribers"] or ():
            budgets.create_notification(**of, **given)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        account, _, name = resource_id.partition(":")
        budgets, of = aws.client("budgets"), {"AccountId": account, "BudgetName": name}
        budget = budgets.describe_budget(**of)["Budget"]
        limit = budget.get("BudgetLimit", {})
        found = budgets.describe_notifications_for_budget(**of).get("Notifications", [])
        live = {
            "Name": budget["BudgetName"],
            "CostFilters": [{"Name": key, "Values": values} for key, values in budget.get("CostFilters", {}).items()],
            "Notifications": [{**each, "SubscriberSnsTopicArns": _topics(budgets, of, each)} for each in found],
            "LimitAmount": limit.get("Amount"),
            "LimitUnit": limit.get("Unit"),
        }
        return self.live({**budget, **live})


def _topics(budgets: Any, of: Mapping[str, str], notification: Mapping[str, Any]) -> list[str]:
    answer = budgets.describe_subscribers_for_notification(**of, Notification=notification)
    return [each["Address"] for each in answer["Subscribers"]]


def _notification(given: Mapping[str, Any]) -> dict[str, Any]:
    # aws-cost-management/latest/APIReference/API_budgets_NotificationWithSubscribers.html; the model allows 11
    topics = given.get("subscriberSnsTopicArns", [])
    if len(topics) != 1:
        raise ServiceRuleError(f"notifications.subscriberSnsTopicArns: {len(topics)} topics; a notification takes one")
    return {
        "Notification": {**given, "subscriberSnsTopicArns": None},
        "Subscribers": [{"SubscriptionType": "SNS", "Address": topics[0]}],
    }
