"""Step Functions state machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import PROVIDERS_OWN, Adapter, Created, carries
from localcloud.engine.adapters.answers import accepted
from localcloud.engine.errors import ServiceRuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs


@carries("aws:sfn/stateMachine:StateMachine")
class StateMachine(Adapter):
    unread: ClassVar = {"publish": PROVIDERS_OWN}

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        arn = aws.client("stepfunctions").create_state_machine(**request)["stateMachineArn"]
        kind = request.get("type", "STANDARD")
        return Created(arn, {"name": request["name"], "arn": arn, "status": "ACTIVE", "type": kind})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("stepfunctions").delete_state_machine(stateMachineArn=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("stepfunctions"), self._request(desired)
        client.update_state_machine(stateMachineArn=resource_id, **accepted(client, "update_state_machine", request))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("stepfunctions").describe_state_machine(stateMachineArn=resource_id)
        answered = ("definition", "name", "roleArn", "tracingConfiguration", "type")
        logging = found.get("loggingConfiguration", {})
        groups = [each["cloudWatchLogsLogGroup"]["logGroupArn"] for each in logging.get("destinations", [])]
        return {
            **{key: found[key] for key in answered if key in found},
            "loggingConfiguration": {**logging, "logDestination": groups[0] if groups else None},
        }

    def _request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        tags = [{"key": key, "value": value} for key, value in desired.tags.items()]
        return {
            "name": desired.physical_name(),
            **inputs.camel("definition", "roleArn", "type", "publish", "tracingConfiguration"),
            **_logging(inputs.child("loggingConfiguration")),
            **({"tags": tags} if tags else {}),
        }


def _logging(given: Inputs | None) -> dict[str, Any]:
    if given is None:
        return {}
    configuration = given.camel("level", "includeExecutionData")
    if "logDestination" in given:
        if not given["logDestination"].endswith(
            ":*"
        ):  # step-functions/latest/apireference/API_CloudWatchLogsLogGroup.html
            raise ServiceRuleError("loggingConfiguration.logDestination: the log group's ARN must end with ':*'")
        group = {"logGroupArn": given["logDestination"]}
        configuration["destinations"] = [{"cloudWatchLogsLogGroup": group}]
    return {"loggingConfiguration": configuration}
