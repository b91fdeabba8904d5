"""EventBridge rules and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, json_text


@carries("aws:cloudwatch/eventRule:EventRule")
class EventRule(Adapter):
    found_by = ("name",)
    is_put = True
    delete = deletes("events", "delete_rule", Name="name")

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        pattern = inputs.get("eventPattern")
        rule = aws.client("events").put_rule(
            Name=name,
            **inputs.pick("description", "scheduleExpression"),
            **({"EventPattern": json_text(pattern)} if pattern else {}),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )
        return Created(name, {"name": name, "arn": rule["RuleArn"]})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        rule = aws.client("events").describe_rule(Name=state["name"])
        return camel(rule, "description", "scheduleExpression", "eventPattern")


@carries("aws:cloudwatch/eventTarget:EventTarget")
class EventTarget(Adapter):
    found_by = ("rule",)
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        rule, name = inputs["rule"], f"{desired.name}-{desired.suffix}"
        answer = aws.client("events").put_targets(Rule=rule, Targets=[{"Id": name, **inputs.pick("arn")}])
        for failure in answer.get("FailedEntries", []):  # the call succeeds although its entry does not
            raise RuntimeError(f"PutTargets refused {name}: {failure.get('ErrorMessage')}")
        return Created(f"{rule}-{name}", {"targetId": name})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("events").remove_targets(Rule=state["rule"], Ids=[state["targetId"]])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("events").list_targets_by_rule(Rule=state["rule"])["Targets"]
        target = only([each for each in found if each["Id"] == state["targetId"]], resource_id)
        return camel(target, "arn")
