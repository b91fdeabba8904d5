"""CloudWatch log groups, and the metrics that are made of their lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes, only
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired

# AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html; the model calls it any integer
_RETENTIONS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

# Pulumi's name → the API's.
_METRIC = {"name": "metricName", "namespace": "metricNamespace", "value": "metricValue"}


@carries("aws:cloudwatch/logGroup:LogGroup")
class LogGroup(Adapter):
    replaced_by = ("name",)  # logs/group.go
    longest_name = 512  # CloudWatch Logs API reference, CreateLogGroup
    delete = deletes("logs", "delete_log_group", logGroupName=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        logs, inputs, name = aws.client("logs"), desired.inputs, desired.physical_name()
        logs.create_log_group(logGroupName=name, tags=desired.tags)
        if inputs.get("retentionInDays"):  # 0 means for ever, which is what a group has anyway
            _put_retention(logs, name, inputs["retentionInDays"])
        return Created(name, {"name": name, "arn": aws.arn("logs", f"log-group:{name}")})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        _put_retention(aws.client("logs"), resource_id, desired.inputs.get("retentionInDays"))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("logs").describe_log_groups(logGroupNamePrefix=resource_id)["logGroups"]
        group = only([each for each in found if each["logGroupName"] == resource_id], resource_id)
        return {"retentionInDays": group.get("retentionInDays", 0)}


@carries("aws:cloudwatch/logMetricFilter:LogMetricFilter")
class LogMetricFilter(Adapter):
    replaced_by = ("logGroupName", "name")  # logs/metric_filter.go
    longest_name = 512  # CloudWatch Logs API reference, PutMetricFilter
    is_put = True
    delete = deletes("logs", "delete_metric_filter", logGroupName="logGroupName", filterName=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        metric = {_METRIC.get(key, key): value for key, value in inputs["metricTransformation"].items()}
        aws.client("logs").put_metric_filter(
            logGroupName=inputs["logGroupName"],
            filterName=name,
            filterPattern=inputs["pattern"],
            metricTransformations=[metric],
        )
        return Created(name, {"name": name})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        group = state["logGroupName"]
        answer = aws.client("logs").describe_metric_filters(logGroupName=group, filterNamePrefix=resource_id)
        found = only([each for each in answer["metricFilters"] if each["filterName"] == resource_id], resource_id)
        [metric] = found["metricTransformations"]
        names = {their: our for our, their in _METRIC.items()}
        return {
            "pattern": found.get("filterPattern", ""),
            "metricTransformation": {names.get(key, key): value for key, value in metric.items()},
        }


def _put_retention(logs: Any, name: str, retention: int | None) -> None:
    if not retention:
        logs.delete_retention_policy(logGroupName=name)
        return
    if retention not in _RETENTIONS:
        raise ServiceRuleError(f"retentionInDays: {retention} is not one of {sorted(_RETENTIONS)}")
    logs.put_retention_policy(logGroupName=name, retentionInDays=retention)
