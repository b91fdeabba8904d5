"""EventBridge rules and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries, deletes, only
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired


@carries("aws:cloudwatch/eventRule:EventRule")
class EventRule(Adapter):
    replaced_by = ("name",)  # events/rule.go
    longest_name = 64  # EventBridge API reference, PutRule
    is_put = True
    delete = deletes("events", "delete_rule", Name="name")

    def create(self, aws: Aws, desired: Desired) -> Created:
        name = desired.physical_name()
        given = desired.inputs.take("description", "scheduleExpression", "eventPattern")
        rule = aws.client("events").put_rule(Name=name, **given, Tags=desired.tags)
        return Created(name, {"name": name, "arn": rule["RuleArn"]})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return self.live(aws.client("events").describe_rule(Name=state["name"]))


@carries("aws:cloudwatch/eventTarget:EventTarget")
class EventTarget(Adapter):
    replaced_by = ("rule",)  # events/target.go
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        rule, name = inputs["rule"], f"{desired.name}-{desired.suffix}"
        answer = aws.client("events").put_targets(Rule=rule, Targets=[{"Id": name, **inputs.take("arn")}])
        for failure in answer.get("FailedEntries", []):  # the call succeeds although its entry does not
            raise RuntimeError(f"PutTargets refused {name}: {failure.get('ErrorMessage')}")
        return Created(f"{rule}-{name}", {"targetId": name})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("events").remove_targets(Rule=state["rule"], Ids=[state["targetId"]])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("events").list_targets_by_rule(Rule=state["rule"])["Targets"]
        return self.live(only([each for each in found if each["Id"] == state["targetId"]], resource_id))
