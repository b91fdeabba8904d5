"""CloudWatch metric alarms and dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries, only
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired, json_text

_ALARM = (
    "alarmActions",
    "alarmDescription",
    "comparisonOperator",
    "dimensions",
    "evaluationPeriods",
    "metricName",
    "namespace",
    "period",
    "statistic",
    "threshold",
    "treatMissingData",
)
_COLUMNS = 24
_DASHBOARD_NAME = r"[A-Za-z0-9_-]{1,255}"  # AmazonCloudWatch/latest/APIReference/API_PutDashboard.html


@carries("aws:cloudwatch/metricAlarm:MetricAlarm")
class MetricAlarm(Adapter):
    """Alarms on one metric; metric queries and anomaly bands are refused."""

    replaced_by = ("name",)  # cloudwatch/metric_alarm.go
    longest_name = 255  # API reference, PutMetricAlarm
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        name = desired.physical_name()
        alarm = desired.inputs.take(*_ALARM)
        aws.client("cloudwatch").put_metric_alarm(AlarmName=name, **alarm, Tags=desired.tags)
        return Created(name, {"name": name, "arn": aws.arn("cloudwatch", f"alarm:{name}")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("cloudwatch").delete_alarms(AlarmNames=[resource_id])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("cloudwatch").describe_alarms(AlarmNames=[resource_id])["MetricAlarms"]
        return self.live(only(found, resource_id))


@carries("aws:cloudwatch/dashboard:Dashboard")
class Dashboard(Adapter):
    replaced_by = ("dashboardName",)  # cloudwatch/dashboard.go
    longest_name = 255  # API reference, PutDashboard
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        name = desired.physical_name("dashboardName", _DASHBOARD_NAME)
        body = json_text(inputs["dashboardBody"])
        _check_widgets(body)
        aws.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
        arn = f"arn:{aws.partition}:cloudwatch::{aws.account}:dashboard/{name}"
        return Created(name, {"dashboardName": name, "dashboardArn": arn})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("cloudwatch").delete_dashboards(DashboardNames=[resource_id])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(aws.client("cloudwatch").get_dashboard(DashboardName=resource_id))


def _check_widgets(body: str) -> None:
    """What CloudWatch refuses of a body (CloudWatch API reference, "Dashboard Body Structure and Syntax")."""
    for index, widget in enumerate(json.loads(body)["widgets"]):
        missing = {"type", "properties"} - set(widget)
        if missing:
            raise ServiceRuleError(f"dashboardBody: widget {index} has no {', '.join(sorted(missing))}")
        properties = widget["properties"]
        if widget["type"] == "metric" and not re.fullmatch(r"[a-z0-9-]+", str(properties.get("region", ""))):
            raise ServiceRuleError(f"dashboardBody: the metric widget {index} names no region")
        if widget.get("x", 0) + widget.get("width", 6) > _COLUMNS:
            raise ServiceRuleError(f"dashboardBody: widget {index} is wider than the grid's {_COLUMNS} columns")
