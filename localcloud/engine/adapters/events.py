"""EventBridge rules and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import PROVIDERS_OWN, Adapter, Created, carries
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.inputs import camel_keys, json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_DEFAULT_BUS = "default"


@carries("aws:cloudwatch/eventRule:EventRule")
class EventRule(Adapter):
    found_by = ("eventBusName", "name")
    unread: ClassVar = {"forceDestroy": PROVIDERS_OWN}
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        inputs.get("forceDestroy")  # used by `delete`
        pattern = inputs.get("eventPattern")
        rule = aws.client("events").put_rule(
            Name=name,
            State=inputs.get("state", "ENABLED" if inputs.get("isEnabled", True) else "DISABLED"),
            **inputs.pick("description", "scheduleExpression", "roleArn", "eventBusName"),
            **({"EventPattern": json_text(pattern)} if pattern else {}),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )
        bus = inputs.get("eventBusName", _DEFAULT_BUS)
        return Created(name if bus == _DEFAULT_BUS else f"{bus}/{name}", {"name": name, "arn": rule["RuleArn"]})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("events").delete_rule(
            Name=state["name"],
            EventBusName=state.get("eventBusName", _DEFAULT_BUS),
            Force=bool(state.get("forceDestroy")),
        )

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        bus = state.get("eventBusName", _DEFAULT_BUS)
        rule = aws.client("events").describe_rule(Name=state["name"], EventBusName=bus)
        found = camel(rule, "state", "description", "scheduleExpression", "eventPattern", "roleArn")
        return {**found, "isEnabled": rule["State"] != "DISABLED"}


@carries("aws:cloudwatch/eventTarget:EventTarget")
class EventTarget(Adapter):
    found_by = ("eventBusName", "rule", "targetId")
    unread: ClassVar = {"forceDestroy": PROVIDERS_OWN}
    is_put = True

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        inputs.get("forceDestroy")
        rule, bus = inputs["rule"], inputs.get("eventBusName", _DEFAULT_BUS)
        target = {"Id": inputs.get("targetId", f"{desired.name}-{desired.suffix}"), **_target(inputs)}
        answer = aws.client("events").put_targets(Rule=rule, EventBusName=bus, Targets=[target])
        for failure in answer.get("FailedEntries", []):  # the call succeeds although its entry does not
            raise RuntimeError(f"PutTargets refused {target['Id']}: {failure.get('ErrorMessage')}")
        return Created(f"{rule}-{target['Id']}", {"targetId": target["Id"]})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        bus = state.get("eventBusName", _DEFAULT_BUS)
        aws.client("events").remove_targets(Rule=state["rule"], EventBusName=bus, Ids=[state["targetId"]])

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        bus = state.get("eventBusName", _DEFAULT_BUS)
        found = aws.client("events").list_targets_by_rule(Rule=state["rule"], EventBusName=bus)["Targets"]
        target = only([each for each in found if each["Id"] == state["targetId"]], resource_id)
        transformer = target.get("InputTransformer", {})
        return {
            **camel(target, "arn", "input", "inputPath", "roleArn", "deadLetterConfig", "retryPolicy"),
            "sqsTarget": camel_keys(target.get("SqsParameters")),
            "inputTransformer": {
                "inputPaths": transformer.get("InputPathsMap", {}),
                "inputTemplate": transformer.get("InputTemplate"),
            },
        }


def _target(inputs: Inputs) -> dict[str, Any]:
    request = inputs.pick("arn", "input", "inputPath", "roleArn", "deadLetterConfig")
    if "sqsTarget" in inputs:
        request["SqsParameters"] = inputs.pick("sqsTarget")["SqsTarget"]
    transformer = inputs.child("inputTransformer")
    if transformer is not None:
        request["InputTransformer"] = {"InputTemplate": transformer["inputTemplate"]}
        if "inputPaths" in transformer:
            request["InputTransformer"]["InputPathsMap"] = transformer["inputPaths"]
    retry = inputs.child("retryPolicy")
    if retry is not None:
        request["RetryPolicy"] = retry.pick("maximumEventAgeInSeconds", "maximumRetryAttempts")
    return request
