"""CloudWatch metric alarms and dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired, json_text

_PLAIN = (
    "alarmActions",
    "alarmDescription",
    "comparisonOperator",
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

    found_by = ("name",)
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        dimensions = [{"Name": key, "Value": value} for key, value in inputs.get("dimensions", {}).items()]
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            **inputs.pick(*_PLAIN),
            **({"Dimensions": dimensions} if dimensions else {}),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )
        return Created(name, {"name": name, "arn": aws.arn("cloudwatch", f"alarm:{name}")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("cloudwatch").delete_alarms(AlarmNames=[resource_id])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("cloudwatch").describe_alarms(AlarmNames=[resource_id])["MetricAlarms"]
        alarm = only(found, resource_id)
        dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
        return {**camel(alarm, *_PLAIN), "dimensions": dimensions}


@carries("aws:cloudwatch/dashboard:Dashboard")
class Dashboard(Adapter):
    found_by = ("dashboardName",)
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
        return camel(aws.client("cloudwatch").get_dashboard(DashboardName=resource_id), "dashboardBody")


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
