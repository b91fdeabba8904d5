"""Who may call a function, what calls it, and where its failures go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import accepted, camel, only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_MAPPING = (
    "batchSize",
    "bisectBatchOnFunctionError",
    "enabled",
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
    found_by = ("function", "statementId")
    delete = deletes("lambda", "remove_permission", FunctionName="function", StatementId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        sid = inputs.get("statementId", f"{desired.name}-{desired.suffix}")
        aws.client("lambda").add_permission(
            FunctionName=inputs["function"],
            StatementId=sid,
            **inputs.pick(*_PERMISSION),
        )
        return Created(sid, {"statementId": sid})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        policy = json.loads(aws.client("lambda").get_policy(FunctionName=state["function"])["Policy"])
        return _permission(only([each for each in policy["Statement"] if each["Sid"] == resource_id], resource_id))


@carries("aws:lambda/eventSourceMapping:EventSourceMapping")
class EventSourceMapping(Adapter):
    delete = deletes("lambda", "delete_event_source_mapping", UUID=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        mapping = aws.client("lambda").create_event_source_mapping(
            **desired.inputs.pick(*_MAPPING),
            **_on_failure(desired.inputs),
            **({"Tags": desired.tags} if desired.tags else {}),
        )
        identity = mapping["UUID"]
        outputs = {
            "uuid": identity,
            "arn": aws.arn("lambda", f"event-source-mapping:{identity}"),
            "functionArn": mapping["FunctionArn"],
            "state": mapping.get("State"),
        }
        return Created(identity, outputs)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client = aws.client("lambda")
        request = {**desired.inputs.pick(*_MAPPING), **_on_failure(desired.inputs)}
        client.update_event_source_mapping(UUID=resource_id, **accepted(client, "update_event_source_mapping", request))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("lambda").get_event_source_mapping(UUID=resource_id)
        settings = camel(found, *(key for key in _MAPPING if key not in ("enabled", "functionName")))
        function, given = found["FunctionArn"], str(state["functionName"])
        target = found.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        return {
            **settings,
            "enabled": found["State"] not in ("Disabled", "Disabling"),
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
