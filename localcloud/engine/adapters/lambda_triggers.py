"""Who may call a function, what calls it, and where its failures go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes, only
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired


@carries("aws:lambda/permission:Permission")
class Permission(Adapter):
    replaced_by = ("action", "function", "principal", "sourceArn")  # lambda/permission.go
    delete = deletes("lambda", "remove_permission", FunctionName="function", StatementId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        sid = f"{desired.name}-{desired.suffix}"
        permission = desired.inputs.take("action", "principal", "sourceArn")
        aws.client("lambda").add_permission(FunctionName=desired.inputs["function"], StatementId=sid, **permission)
        return Created(sid, {"statementId": sid})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        policy = json.loads(aws.client("lambda").get_policy(FunctionName=state["function"])["Policy"])
        return _permission(only([each for each in policy["Statement"] if each["Sid"] == resource_id], resource_id))


@carries("aws:lambda/eventSourceMapping:EventSourceMapping")
class EventSourceMapping(NounAdapter):
    replaced_by = ("eventSourceArn", "startingPosition")  # lambda/event_source_mapping.go
    service, noun, tags_as = "lambda", "event_source_mapping", "Tags"
    named_by: ClassVar = {"UUID": ID}
    inputs = (
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

    def request(self, desired: Desired) -> dict[str, Any]:
        """The provider says `destinationArn` here, and `destination` for a function's own invocations."""
        failure = desired.inputs.get("destinationConfig", {}).get("onFailure")
        destination = {"OnFailure": {"Destination": failure["destinationArn"]}} if failure else None
        return {**super().request(desired), "DestinationConfig": destination}

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        identity = made["UUID"]
        return {
            "uuid": identity,
            "arn": aws.arn("lambda", f"event-source-mapping:{identity}"),
            "functionArn": made["FunctionArn"],
            "state": made.get("State"),
        }

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.call(aws, "get", self.which(resource_id, state))
        function, given = answer["FunctionArn"], str(state["functionName"])
        target = answer.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        return {
            **self.live(answer),
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
