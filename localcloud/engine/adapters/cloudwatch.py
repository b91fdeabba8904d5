"""CloudWatch metric alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired

_PLAIN = (
    "actionsEnabled",
    "alarmActions",
    "alarmDescription",
    "comparisonOperator",
    "datapointsToAlarm",
    "evaluationPeriods",
    "insufficientDataActions",
    "metricName",
    "namespace",
    "period",
    "statistic",
    "threshold",
    "treatMissingData",
    "unit",
)


@carries("aws:cloudwatch/metricAlarm:MetricAlarm")
class MetricAlarm(Adapter):
    """Alarms on one metric; metric queries and anomaly bands are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        dimensions = [{"Name": key, "Value": value} for key, value in inputs.get("dimensions", {}).items()]
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            **inputs.pick(*_PLAIN),
            **({"OKActions": inputs["okActions"]} if "okActions" in inputs else {}),
            **({"Dimensions": dimensions} if dimensions else {}),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )
        return Created(name, {"name": name, "arn": aws.arn("cloudwatch", f"alarm:{name}")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del state
        aws.client("cloudwatch").delete_alarms(AlarmNames=[resource_id])
