"""Alarms, a dashboard and a budget, and the SNS topic of their messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.alarms import API_THROTTLED, NAMESPACE, Watched
from infra.api import Api
from infra.dashboard import dashboard
from infra.stack import Stack
from infra.triggers import Triggers

# Percent of the budget, of what the month is forecast to cost and of what it has cost.
_WARNINGS = {"FORECASTED": 80, "ACTUAL": 100}


@dataclass(frozen=True)
class MonitoringArgs:
    stack: Stack
    api: Api
    triggers: Triggers


class Monitoring(pulumi.ComponentResource):
    """`name` is the stack's prefix.

    Nothing at all where the stack is not monitored and has no budget. `exports` has the topic, if there is one.
    """

    exports: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Monitoring", name, None, opts)
        self._name, self._args, self._config = name, args, args.stack.config
        self._child = pulumi.ResourceOptions(parent=self)
        self.exports = {}
        if self._config.monitoring or self._config.monthly_budget_usd:
            topic, policy = self._topic()
            self.exports["alarm_topic"] = topic.arn
            if self._config.monitoring:
                self._watch(topic)
            if self._config.monthly_budget_usd:
                self._budget(topic, policy)
        self.register_outputs({})

    def _topic(self) -> tuple[aws.sns.Topic, aws.sns.TopicPolicy]:
        stack = self._args.stack
        # Not encrypted: AWS's own key for SNS lets neither CloudWatch nor Budgets publish, and one of the stack's own
        # costs more each month than all alarms. Messages name alarms and amounts, no jobs and no people.
        name = f"{self._name}-alarms"
        topic = aws.sns.Topic(name, name=name, opts=self._child)
        alarms = stack.arn("cloudwatch", f"alarm:{self._name}-*")
        budgets = f"arn:aws:budgets::{stack.account_id}:*"  # Cost Management user guide, "Creating an Amazon SNS topic"
        publishers = [("cloudwatch", alarms), ("budgets", budgets)]
        policy = aws.sns.TopicPolicy(
            name,
            arn=topic.arn,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [self._publishing(topic, service, source) for service, source in publishers],
                }
            ),
            opts=self._child,
        )
        if stack.config.alarm_email:
            aws.sns.TopicSubscription(
                name, topic=topic.arn, protocol="email", endpoint=stack.config.alarm_email, opts=self._child
            )
        return topic, policy

    def _publishing(self, topic: aws.sns.Topic, service: str, source_arn: str) -> dict[str, Any]:
        return {
            "Sid": service.title(),
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic.arn,
            "Condition": {
                "StringEquals": {"aws:SourceAccount": self._args.stack.account_id},
                "ArnLike": {"aws:SourceArn": source_arn},
            },
        }

    def _watch(self, topic: aws.sns.Topic) -> None:
        args = self._args
        watched = Watched(args.stack, args.api.api_id, args.triggers.failed_records_queue)
        # API Gateway has no metric of its own for requests that it turns away.
        aws.cloudwatch.LogMetricFilter(
            f"{self._name}-api-throttled",
            log_group_name=args.api.access_log,
            pattern='{ $.status = "429" }',
            metric_transformation={
                "name": API_THROTTLED.name,
                "namespace": NAMESPACE,
                "value": "1",
                "unit": "Count",
                "dimensions": {"stack": "$.stack"},
            },
            opts=self._child,
        )
        alarms = [
            aws.cloudwatch.MetricAlarm(
                f"{self._name}-{alarm.name}",
                name=f"{self._name}-{alarm.name}",
                alarm_actions=[topic.arn],
                opts=self._child,
                **alarm.settings(),
            )
            for alarm in watched.alarms()
        ]
        body = dashboard(watched, [alarm.arn for alarm in alarms])
        aws.cloudwatch.Dashboard(
            self._name,
            dashboard_name=self._name,
            dashboard_body=pulumi.Output.json_dumps(body),
            opts=self._child,
        )

    def _budget(self, topic: aws.sns.Topic, policy: aws.sns.TopicPolicy) -> None:
        config = self._config
        aws.budgets.Budget(
            f"{self._name}-monthly",
            name=f"{self._name}-monthly",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(config.monthly_budget_usd),
            limit_unit="USD",
            # Everything that the program makes carries the tag, and so do machines and their disks.
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:mayfly:stack${config.stack}"]}],
            notifications=[
                {
                    "notification_type": kind,
                    "comparison_operator": "GREATER_THAN",
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_sns_topic_arns": [topic.arn],
                }
                for kind, percent in _WARNINGS.items()
            ],
            # Budgets checks at once whether it may publish.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
