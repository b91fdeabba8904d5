"""Who may call a function, what calls it, and where its failures go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import camel, only
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs

_MAPPING = (
    "batchSize",
    "bisectBatchOnFunctionError",
    "eventSourceArn",
    "filterCriteria",
    "functionName",
    "functionResponseTypes",
    "maximumRecordAgeInSeconds",
    "maximumRetryAttempts",
    "parallelizationFactor",
    "startingPosition",
)
_PERMISSION = ("action", "principal", "sourceArn")


@carries("aws:lambda/permission:Permission")
class Permission(Adapter):
    found_by = ("function",)
    delete = deletes("lambda", "remove_permission", FunctionName="function", StatementId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        sid = f"{desired.name}-{desired.suffix}"
        permission = desired.inputs.pick(*_PERMISSION)
        aws.client("lambda").add_permission(FunctionName=desired.inputs["function"], StatementId=sid, **permission)
        return Created(sid, {"statementId": sid})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        policy = json.loads(aws.client("lambda").get_policy(FunctionName=state["function"])["Policy"])
        return _permission(only([each for each in policy["Statement"] if each["Sid"] == resource_id], resource_id))


@carries("aws:lambda/eventSourceMapping:EventSourceMapping")
class EventSourceMapping(NounAdapter):
    service, noun = "lambda", "event_source_mapping"
    named_by: ClassVar = {"UUID": ID}

    def request(self, desired: Desired) -> dict[str, Any]:
        return {
            **desired.inputs.pick(*_MAPPING),
            **_on_failure(desired.inputs),
            **({"Tags": desired.tags} if desired.tags else {}),
        }

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        identity = answer["UUID"]
        outputs = {
            "uuid": identity,
            "arn": aws.arn("lambda", f"event-source-mapping:{identity}"),
            "functionArn": answer["FunctionArn"],
            "state": answer.get("State"),
        }
        return Created(identity, outputs)

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        function, given = answer["FunctionArn"], str(state["functionName"])
        target = answer.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        return {
            **camel(answer, *(key for key in _MAPPING if key != "functionName")),
            "functionName": given if f":{function}".endswith(f":{given}") else function,
            "destinationConfig": {"onFailure": {"destinationArn": target}},
        }


def _permission(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Lambda keeps the parameters of AddPermission as a statement of the function's policy."""
    principal, wanted = statement["Principal"], statement.get("Condition", {})
    conditions = {key.lower(): value for operator in wanted.values() for key, value in operator.items()}
    return {
        "action": statement["Action"],
        "principal": next(iter(principal.values())) if isinstance(principal, dict) else principal,
        "sourceArn": conditions.get("aws:sourcearn"),
    }


def _on_failure(inputs: Inputs) -> dict[str, Any]:
    """The provider says `destinationArn` here, and `destination` for a function's own invocations."""
    destinations = inputs.child("destinationConfig")
    failure = destinations.child("onFailure") if destinations is not None else None
    return (
        {"DestinationConfig": {"OnFailure": {"Destination": failure["destinationArn"]}}} if failure is not None else {}
    )
